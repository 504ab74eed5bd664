import { type Box, unionBox } from "./box";
import type { Labelmap } from "./labelmap";

/** The longest run one entry can hold: 16 bits beside two labels of 8. */
const LONGEST = 0xffff;
/** The pair of labels of pixels that did not change, whatever they are: two equal ones. */
const UNCHANGED = 0;
/** No pair of labels: what a run under way is compared with before the first. */
const NO_PAIR = 0x10000;

/** How many bits of a byte are set. */
const SET = Uint8Array.from({ length: 256 }, (_, byte) => {
  let set = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) set++;
  return set;
});

/**
 * What one box of the label map held before and after an edit, kept so that hundreds of steps fit in
 * memory whatever the size of the picture.
 *
 * As runs `length << 16 | before << 8 | after` over the box's rows: a brush stroke takes a few for each row
 * it crosses, for what did not change is one run whatever lies there. Where that is less (a stroke through a threshold leaves every other pixel of the speckle), as
 * one bit per pixel that tells which changed, and runs over those alone: at most an eighth of a byte per
 * pixel of the box where one label was painted over one other.
 */
export class LabelmapEdit {
  private constructor(
    /** The smallest box around all changed pixels. */
    readonly box: Box,
    private readonly runs: Uint32Array,
    /** One bit per pixel of the box, each row from a byte of its own: it changed. Null: the runs are over all of them. */
    private readonly changed: Uint8Array | null,
  ) {}

  /** The edit that leads from `before` to `after` inside `box`; null when no pixel differs there. */
  static between(before: Labelmap, after: Labelmap, box: Box): LabelmapEdit | null {
    const tight = changedBox(before, after, box);
    if (!tight) return null;
    const { runs, changed, all } = changedOnly(before, after, tight);
    if (4 * all > runs.byteLength + changed.byteLength) return new LabelmapEdit(tight, runs, changed);
    return new LabelmapEdit(tight, allPixels(before, after, tight), null);
  }

  /** Memory this step holds, in bytes. */
  get bytes(): number {
    return this.runs.byteLength + (this.changed?.byteLength ?? 0) + 64;
  }

  undo(map: Labelmap): void {
    this.apply(map, 8);
  }

  redo(map: Labelmap): void {
    this.apply(map, 0);
  }

  private apply(map: Labelmap, shift: 0 | 8): void {
    if (this.changed) this.applyFew(map, shift, this.changed);
    else this.applyAll(map, shift);
  }

  private applyAll(map: Labelmap, shift: 0 | 8): void {
    const { x, y, width } = this.box;
    let place = 0;
    for (const run of this.runs) {
      const length = run >>> 16;
      const value = (run >>> shift) & 0xff;
      if (((run >>> 8) & 0xff) === (run & 0xff)) {
        place += length;
        continue;
      }
      // A run may reach over the ends of several rows of the box.
      for (const end = place + length; place < end; ) {
        const row = Math.floor(place / width);
        const until = Math.min(end, (row + 1) * width);
        const start = (y + row) * map.width + x - row * width;
        map.data.fill(value, start + place, start + until);
        place = until;
      }
    }
  }

  private applyFew(map: Labelmap, shift: 0 | 8, changed: Uint8Array): void {
    const { box, runs } = this;
    const { data } = map;
    const perRow = bytesPerRow(box);
    let run = -1;
    let left = 0;
    let value = 0;
    for (let row = 0; row < box.height; row++) {
      const start = (box.y + row) * map.width + box.x;
      for (let place = 0; place < perRow; place++) {
        const bits = changed[row * perRow + place];
        if (bits === 0) continue;
        const at = start + 8 * place;
        if (left >= SET[bits] && 8 * place + 8 <= box.width) {
          // All eight in one go: in speckle the processor guesses every second "is it set?" wrong.
          for (let bit = 0; bit < 8; bit++) {
            const mask = -((bits >> bit) & 1);
            data[at + bit] = (data[at + bit] & ~mask) | (value & mask);
          }
          left -= SET[bits];
          continue;
        }
        for (let bit = 0; bit < 8; bit++) {
          if (!((bits >> bit) & 1)) continue;
          if (left === 0) {
            run++;
            left = runs[run] >>> 16;
            value = (runs[run] >>> shift) & 0xff;
          }
          data[at + bit] = value;
          left--;
        }
      }
    }
  }
}

function bytesPerRow(box: Box): number {
  return (box.width + 7) >> 3;
}

/** Runs of pairs of labels in the making: as long as they need to be. */
class Runs {
  private words = new Uint32Array(256);
  private count = 0;

  push(length: number, pair: number): void {
    for (let left = length; left > 0; left -= LONGEST) {
      if (this.count === this.words.length) {
        const larger = new Uint32Array(2 * this.words.length);
        larger.set(this.words);
        this.words = larger;
      }
      this.words[this.count++] = ((Math.min(left, LONGEST) << 16) | pair) >>> 0;
    }
  }

  finish(): Uint32Array {
    return this.words.slice(0, this.count);
  }
}

/**
 * Which pixels changed, and runs over those; and how many runs (`all`) there would be over all pixels.
 *
 * Without a branch for what speckle makes a coin toss of: `-n >>> 31` is 1 for every n > 0, and 0 for 0.
 */
function changedOnly(before: Labelmap, after: Labelmap, box: Box) {
  const [from, to] = [before.data, after.data];
  const perRow = bytesPerRow(box);
  const changed = new Uint8Array(perRow * box.height);
  const runs = new Runs();
  let pair = NO_PAIR;
  let length = 0;
  let last = NO_PAIR;
  let all = 0;
  for (let row = 0; row < box.height; row++) {
    const start = (box.y + row) * before.width + box.x;
    const [first, end] = differing(before, after, start, start + box.width);
    if (first > start && last !== UNCHANGED) {
      all++;
      last = UNCHANGED;
    }
    for (let place = (first - start) >> 3; start + 8 * place < end; place++) {
      let bits = 0;
      const until = Math.min(end, start + 8 * place + 8);
      for (let i = Math.max(first, start + 8 * place); i < until; i++) {
        const isChanged = -(from[i] ^ to[i]) >>> 31;
        const here = ((from[i] << 8) | to[i]) & -isChanged;
        bits |= isChanged << (i - start - 8 * place);
        all += -(here ^ last) >>> 31;
        last = here;
        if (isChanged & (-(here ^ pair) >>> 31)) {
          runs.push(length, pair);
          pair = here;
          length = 0;
        }
        length += isChanged;
      }
      changed[row * perRow + place] = bits;
    }
    if (end < start + box.width && last !== UNCHANGED) {
      all++;
      last = UNCHANGED;
    }
  }
  runs.push(length, pair);
  return { runs: runs.finish(), changed, all };
}

/** Runs over all pixels of the box. */
function allPixels(before: Labelmap, after: Labelmap, box: Box): Uint32Array {
  const [from, to] = [before.data, after.data];
  const runs = new Runs();
  let pair = UNCHANGED;
  let length = 0;
  for (let y = box.y; y < box.y + box.height; y++) {
    const start = y * before.width + box.x;
    const [first, end] = differing(before, after, start, start + box.width);
    add(UNCHANGED, first - start);
    for (let i = first; i < end; i++) add(from[i] === to[i] ? UNCHANGED : (from[i] << 8) | to[i], 1);
    add(UNCHANGED, start + box.width - end);
  }
  runs.push(length, pair);
  return runs.finish();

  function add(here: number, count: number): void {
    if (count === 0) return;
    if (here !== pair) {
      runs.push(length, pair);
      pair = here;
      length = 0;
    }
    length += count;
  }
}

/**
 * From which pixel to (not including) which two maps differ between two places of one row; from `to` to `to` where
 * they do not. Four pixels at a time: most of a large picture is the same.
 */
function differing(one: Labelmap, other: Labelmap, from: number, to: number): [number, number] {
  const [a, b] = [one.data, other.data];
  const [wordsOfA, wordsOfB] = [one.words, other.words];
  let first = from;
  while (first < to) {
    if ((first & 3) === 0 && first + 4 <= to && wordsOfA[first >> 2] === wordsOfB[first >> 2]) first += 4;
    else if (a[first] === b[first]) first++;
    else break;
  }
  if (first >= to) return [to, to];
  let end = to;
  for (;;) {
    if ((end & 3) === 0 && end - 4 >= first && wordsOfA[(end >> 2) - 1] === wordsOfB[(end >> 2) - 1])
      end -= 4;
    else if (a[end - 1] === b[end - 1]) end--;
    else return [first, end];
  }
}

/** Painting in the making: what a tool has changed since it began. It ends in `finish` or in `revert`. */
export class OpenEdit {
  private box: Box | null = null;
  private ended = false;

  constructor(
    /** The label map the tool paints in. */
    readonly map: Labelmap,
    private readonly committed: Labelmap,
    private readonly onPainted: (box: Box) => void,
    private readonly onEnd: (edit: LabelmapEdit | null) => void,
  ) {}

  /** Tell which pixels may have changed. Pixels changed and not told of are not undone. */
  painted(box: Box | null): void {
    if (!box || this.ended) return;
    this.box = unionBox(this.box, box);
    this.onPainted(box);
  }

  /** Keep what was painted, as one undo step. False, and no step, when nothing changed. */
  finish(): boolean {
    if (this.ended) return false;
    const edit = this.box && LabelmapEdit.between(this.committed, this.map, this.box);
    edit?.redo(this.committed);
    this.end(edit);
    return edit !== null;
  }

  /** As if it never began. */
  revert(): void {
    if (this.ended) return;
    this.restart();
    this.end(null);
  }

  /** Take back all that was painted and go on: for a preview that is painted anew at every move. */
  restart(): void {
    if (this.ended || !this.box) return;
    this.map.copyBox(this.box, this.committed);
    this.onPainted(this.box);
    this.box = null;
  }

  private end(edit: LabelmapEdit | null): void {
    this.ended = true;
    this.onEnd(edit);
  }
}

function changedBox(before: Labelmap, after: Labelmap, box: Box): Box | null {
  let left = Number.POSITIVE_INFINITY;
  let right = -1;
  let top = -1;
  let bottom = -1;
  for (let y = box.y; y < box.y + box.height; y++) {
    const start = y * before.width;
    const [first, end] = differing(before, after, start + box.x, start + box.x + box.width);
    if (first === end) continue;
    if (top < 0) top = y;
    bottom = y;
    left = Math.min(left, first - start);
    right = Math.max(right, end - 1 - start);
  }
  if (top < 0) return null;
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}
