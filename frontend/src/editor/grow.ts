import { type Box, boxBetween } from "./box";
import { blurred, type Greys } from "./greys";
import type { Labelmap } from "./labelmap";
import type { PaintMask } from "./raster";

/** Greys are compared as means of 5×5 pixels: speckle would tear a region apart. */
const BLUR = 2;

/**
 * The region around a pixel, for every tolerance at once.
 *
 * A pixel belongs at tolerance t when a way through edges (not corners) leads to it on which no grey is
 * farther than t from that of the seed, and every label may be painted over. Pixels are found in order of
 * the tolerance they need, so that a larger one only adds to what is known and a smaller one costs nothing.
 */
export class RegionGrower {
  /** Where the region can be: within `reach` of the seed. */
  readonly box: Box;
  /** Pixels of the map in the order they are reached. */
  private readonly order: Int32Array;
  private count = 0;
  /** How many are reached at each tolerance worked out so far. */
  private readonly ends: number[] = [];
  /** For each tolerance the window's pixels that wait for it, as linked lists. */
  private readonly heads = new Int32Array(256).fill(-1);
  private readonly next: Int32Array;
  private readonly seen: Uint8Array;
  private readonly greys: Greys;
  private readonly grey: number;

  /** `x`, `y`: a pixel inside the map. */
  constructor(
    greys: Greys,
    private readonly map: Labelmap,
    private readonly x: number,
    private readonly y: number,
    private readonly may: PaintMask,
    private readonly reach: number,
  ) {
    const box = boxBetween(x - reach, y - reach, x + reach, y + reach, map.width, map.height);
    if (!box) throw new RangeError(`pixel ${x}, ${y} is outside the map of ${map.width}×${map.height}`);
    this.box = box;
    this.greys = blurred(greys, map.width, map.height, box, BLUR);
    const size = box.width * box.height;
    this.order = new Int32Array(size);
    this.next = new Int32Array(size);
    this.seen = new Uint8Array(size);
    const seed = (y - box.y) * box.width + (x - box.x);
    this.grey = this.greys[seed];
    this.meet(seed, 0);
  }

  /** Pixels (as places in the map's data) of the region at a tolerance of 0-255, nearest greys first. */
  region(tolerance: number): Int32Array {
    const wanted = Math.min(255, Math.max(0, Math.round(tolerance)));
    while (this.ends.length <= wanted) this.widen(this.ends.length);
    return this.order.subarray(0, this.ends[wanted]);
  }

  private widen(tolerance: number): void {
    const { box, heads, next, map } = this;
    for (let at = heads[tolerance]; at >= 0; at = heads[tolerance]) {
      heads[tolerance] = next[at];
      const column = at % box.width;
      const row = (at - column) / box.width;
      this.order[this.count++] = (box.y + row) * map.width + box.x + column;
      if (column > 0) this.meet(at - 1, tolerance);
      if (column < box.width - 1) this.meet(at + 1, tolerance);
      if (row > 0) this.meet(at - box.width, tolerance);
      if (row < box.height - 1) this.meet(at + box.width, tolerance);
    }
    this.ends.push(this.count);
  }

  /** A pixel next to the region: it waits for the tolerance it needs. */
  private meet(at: number, tolerance: number): void {
    if (this.seen[at]) return;
    this.seen[at] = 1;
    const { box, map } = this;
    const column = at % box.width;
    const x = box.x + column;
    const y = box.y + (at - column) / box.width;
    if ((x - this.x) ** 2 + (y - this.y) ** 2 > this.reach ** 2) return;
    if (!this.may[map.data[y * map.width + x]]) return;
    const needs = Math.max(tolerance, Math.abs(this.greys[at] - this.grey));
    this.next[at] = this.heads[needs];
    this.heads[needs] = at;
  }
}
