import { Labelmap } from "./labelmap";

/** The longest run one entry can hold: 24 bits beside the label's 8. */
const LONGEST = 0xffffff;

/**
 * A label map as runs of equal pixels, for keeping it small and copying it fast.
 *
 * Each entry is `length << 8 | label`. A 1024×768 map with 12 labels takes a few kB and about a
 * millisecond, where a PNG would take ten: this is what is written to IndexedDB after every stroke.
 */
export function toRuns(map: Labelmap): Uint32Array<ArrayBuffer> {
  const { data } = map;
  let runs = new Uint32Array(1024);
  let count = 0;
  for (let start = 0; start < data.length; ) {
    const label = data[start];
    const limit = Math.min(data.length, start + LONGEST);
    let end = start + 1;
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
