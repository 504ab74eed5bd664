import type { Box } from "./box";
import { Labelmap } from "./labelmap";

/** The longest run one entry can hold: 24 bits beside the label's 8. */
const LONGEST = 0xffffff;

/** A label map told as its runs: small, and copied to a worker in no time. */
export interface MapRuns {
  readonly width: number;
  readonly height: number;
  /** As `toRuns` makes them. */
  readonly runs: Uint32Array<ArrayBuffer>;
}

/**
 * A label map as runs of equal pixels, for keeping it small and copying it fast.
 *
 * Each entry is `length << 8 | label`. A 1024×768 map with 12 labels takes a few kB and about a
 * millisecond, where a PNG would take ten: this is what is written to IndexedDB after every stroke.
 */
export function toRuns(map: Labelmap): Uint32Array<ArrayBuffer> {
  return runsOf(map, 0, map.data.length);
}

/** The runs of a stretch of the map's pixels. */
function runsOf({ data, words }: Labelmap, from: number, to: number): Uint32Array<ArrayBuffer> {
  let runs = new Uint32Array(256);
  let count = 0;
  for (let start = from; start < to; ) {
    const label = data[start];
    const limit = Math.min(to, start + LONGEST);
    let end = start + 1;
    while (end < limit && (end & 3) !== 0 && data[end] === label) end++;
    if ((end & 3) === 0) {
      const four = Math.imul(label, 0x01010101) >>> 0;
      let word = end >> 2;
      for (const last = limit >> 2; word < last && words[word] === four; word++);
      end = Math.max(end, word << 2);
    }
    while (end < limit && data[end] === label) end++;
    if (count === runs.length) {
      const larger = new Uint32Array(runs.length * 2);
      larger.set(runs);
      runs = larger;
    }
    runs[count++] = ((end - start) << 8) | label;
    start = end;
  }
  return runs.slice(0, count);
}

/** Rows of a strip: that of a 4096-pixel picture takes well below a millisecond. */
const STRIP = 64;

/**
 * The runs of a map that is painted in, kept strip by strip: after a stroke only the strips it touched are made
 * anew, so that keeping a stroke in a picture of 4096×3072 costs what the stroke covers.
 */
export class KeptRuns {
  private readonly strips: (Uint32Array<ArrayBuffer> | null)[];

  constructor(private readonly map: Labelmap) {
    this.strips = new Array(Math.ceil(map.height / STRIP)).fill(null);
  }

  /** Pixels inside the box may have changed. */
  changed(box: Box): void {
    this.strips.fill(null, Math.floor(box.y / STRIP), Math.ceil((box.y + box.height) / STRIP));
  }

  /** The map as it is now, as `toRuns` tells it; a run that crosses strips may come in parts. */
  now(): Uint32Array<ArrayBuffer> {
    const { map, strips } = this;
    const size = STRIP * map.width;
    const parts = strips.map((kept, strip) => {
      const part = kept ?? runsOf(map, strip * size, Math.min(map.data.length, (strip + 1) * size));
      strips[strip] = part;
      return part;
    });
    const all = new Uint32Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

/** The label map that `toRuns` was given. Throws RangeError when the runs do not fill it exactly. */
export function fromRuns(width: number, height: number, runs: Uint32Array): Labelmap {
  const map = new Labelmap(width, height);
  let at = 0;
  for (const run of runs) {
    map.data.fill(run & 0xff, at, at + (run >>> 8));
    at += run >>> 8;
  }
  if (at !== map.data.length)
    throw new RangeError(`runs of ${at} pixels do not fill a label map of ${width}×${height}`);
  return map;
}
