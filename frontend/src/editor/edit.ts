import { type Box, unionBox } from "./box";
import type { Labelmap } from "./labelmap";

/** The longest run one entry can hold: 16 bits beside two labels of 8. */
const LONGEST = 0xffff;

/**
 * What one box of the label map held before and after an edit, kept so that hundreds of steps fit in
 * memory whatever the size of the picture.
 *
 * As runs `length << 16 | before << 8 | after` over the box's rows: a brush stroke takes some hundred
 * bytes. Where that is less (a stroke through a threshold leaves every other pixel of the speckle), as
 * one bit per pixel that tells which changed, and runs over those alone: at most an eighth of a byte per
 * pixel of the box where one label was painted over one other.
 */
export class LabelmapEdit {
  private constructor(
    /** The smallest box around all changed pixels. */
    readonly box: Box,
    private readonly runs: Uint32Array,
    /** One bit per pixel of the box: it changed. Null: the runs are over all of them. */
    private readonly changed: Uint8Array | null,
  ) {}

  /** The edit that leads from `before` to `after` inside `box`; null when no pixel differs there. */
  static between(before: Labelmap, after: Labelmap, box: Box): LabelmapEdit | null {
    const tight = changedBox(before, after, box);
    if (!tight) return null;
    const { all, few } = countRuns(before, after, tight);
    const bits = Math.ceil((tight.width * tight.height) / 8);
    if (4 * all <= 4 * few + bits)
      return new LabelmapEdit(tight, new Uint32Array(all), null).fill(before, after);
    return new LabelmapEdit(tight, new Uint32Array(few), new Uint8Array(bits)).fill(before, after);
  }

  /** Write the runs, once it is known how many there are. */
  private fill(before: Labelmap, after: Labelmap): LabelmapEdit {
    const { box, runs, changed } = this;
    const [from, to] = [before.data, after.data];
    let count = -1;
    let pair = -1;
    let length = 0;
    let at = 0;
    for (let y = box.y; y < box.y + box.height; y++) {
      const start = y * before.width + box.x;
      for (let i = start; i < start + box.width; i++, at++) {
        if (changed) {
          if (from[i] === to[i]) continue;
          changed[at >> 3] |= 1 << (at & 7);
        }
        const here = (from[i] << 8) | to[i];
        if (here !== pair || length === LONGEST) {
          if (count >= 0) runs[count] = ((length << 16) | pair) >>> 0;
          count++;
          pair = here;
          length = 0;
        }
        length++;
      }
    }
    runs[count] = ((length << 16) | pair) >>> 0;
    return this;
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
    let x = 0;
    let at = this.box.y * map.width + this.box.x;
    for (const run of this.runs) {
      const value = (run >>> shift) & 0xff;
      // A run may reach over the ends of several rows of the box.
      for (let left = run >>> 16; left > 0; ) {
        const length = Math.min(left, this.box.width - x);
        map.data.fill(value, at, at + length);
        left -= length;
        x += length;
        at += length;
        if (x === this.box.width) {
          x = 0;
          at += map.width - this.box.width;
        }
      }
    }
  }

  private applyFew(map: Labelmap, shift: 0 | 8, changed: Uint8Array): void {
    const { box, runs } = this;
    let run = -1;
    let left = 0;
    let value = 0;
    let at = 0;
    for (let y = box.y; y < box.y + box.height; y++) {
      const start = y * map.width + box.x;
      for (let i = start; i < start + box.width; i++, at++) {
        if (!(changed[at >> 3] & (1 << (at & 7)))) continue;
        if (left === 0) {
          run++;
          left = runs[run] >>> 16;
          value = (runs[run] >>> shift) & 0xff;
        }
        map.data[i] = value;
        left--;
      }
    }
  }
}

/** How many runs there are over all pixels of the box, and over those alone that changed. */
function countRuns(before: Labelmap, after: Labelmap, box: Box): { all: number; few: number } {
  const [from, to] = [before.data, after.data];
  let [all, allPair, allLength] = [0, -1, 0];
  let [few, fewPair, fewLength] = [0, -1, 0];
  for (let y = box.y; y < box.y + box.height; y++) {
    const start = y * before.width + box.x;
    for (let i = start; i < start + box.width; i++) {
      const here = (from[i] << 8) | to[i];
      if (here !== allPair || allLength === LONGEST) {
        all++;
        allPair = here;
        allLength = 0;
      }
      allLength++;
      if (from[i] === to[i]) continue;
      if (here !== fewPair || fewLength === LONGEST) {
        few++;
        fewPair = here;
        fewLength = 0;
      }
      fewLength++;
    }
  }
  return { all, few };
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
    if (edit) this.committed.copyBox(edit.box, this.map);
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
    let first = box.x;
    let last = box.x + box.width - 1;
    while (first <= last && before.data[start + first] === after.data[start + first]) first++;
    if (first > last) continue;
    while (before.data[start + last] === after.data[start + last]) last--;
    if (top < 0) top = y;
    bottom = y;
    left = Math.min(left, first);
    right = Math.max(right, last);
  }
  if (top < 0) return null;
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}
