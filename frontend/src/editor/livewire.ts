import { type Box, boxBetween } from "./box";
import { blurred, type Greys } from "./greys";
import type { ImagePoint } from "./transform";

/** Greys are smoothed over 5×5 pixels before edges are looked for: speckle has edges everywhere. */
const BLUR = 2;
/** What a step costs where there is no edge at all; 1 on the strongest. */
const DEAREST = 30;
/** A step sideways and a step across, as whole numbers in the ratio of their lengths. */
const STRAIGHT = 5;
const ACROSS = 7;
/** More than the dearest step (31 · 7): lists by cost can be used in a ring. A power of two. */
const RING = 256;
const NONE = -1;
/** Rows of the window looked at in one step: about a millisecond. */
const ROWS = 48;

/**
 * Ways along edges from one pixel to every other of a window around it (Dijkstra's algorithm; the
 * "intelligent scissors" of Mortensen and Barrett, 1995).
 *
 * Worked out outwards from the seed, only as far as asked: a path to a place near by costs little, and
 * what is known is kept for the next place.
 */
export class LiveWire {
  readonly box: Box;
  private cost: Uint8Array = new Uint8Array(0);
  /** The window's edges in the making; null once they are known. */
  private edges: Generator<void, Uint8Array> | null;
  private readonly distance: Int32Array;
  /** The pixel a way comes from. */
  private readonly from: Int32Array;
  private readonly settled: Uint8Array;
  /** Waiting pixels by distance modulo RING, as doubly linked lists. */
  private readonly heads = new Int32Array(RING).fill(NONE);
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private waiting = 0;
  private reached = 0;

  /** `x`, `y`: a pixel inside the picture; ways stay within `reach` pixels of it in each direction. */
  constructor(greys: Greys, width: number, height: number, x: number, y: number, reach = 192) {
    const box = boxBetween(x - reach, y - reach, x + reach, y + reach, width, height);
    if (!box) throw new RangeError(`pixel ${x}, ${y} is outside the picture of ${width}×${height}`);
    this.box = box;
    const size = box.width * box.height;
    this.edges = costs(greys, width, height, box);
    this.distance = new Int32Array(size).fill(0x7fffffff);
    this.from = new Int32Array(size).fill(NONE);
    this.settled = new Uint8Array(size);
    this.next = new Int32Array(size);
    this.previous = new Int32Array(size);
    const seed = (y - box.y) * box.width + (x - box.x);
    this.distance[seed] = 0;
    this.link(seed);
  }

  /** Settle at most so many pixels more, or first look for edges in some rows. True when the whole window is done. */
  expand(pixels: number): boolean {
    if (this.edges) {
      this.look();
      return false;
    }
    for (let i = 0; i < pixels; i++) if (!this.settleOne()) return true;
    return this.waiting === 0;
  }

  /**
   * The way from the seed to a place, as pixel centres, the seed's first. A place outside the window is
   * taken to its border. Null when it is not reached within `pixels` more of work: ask again.
   */
  pathTo(at: ImagePoint, pixels = Number.POSITIVE_INFINITY): ImagePoint[] | null {
    const { box } = this;
    if (this.edges && Number.isFinite(pixels)) {
      this.look();
      return null;
    }
    while (this.edges) this.look();
    const column = Math.min(box.width - 1, Math.max(0, Math.floor(at.x) - box.x));
    const row = Math.min(box.height - 1, Math.max(0, Math.floor(at.y) - box.y));
    const target = row * box.width + column;
    for (let left = pixels; !this.settled[target]; left--) if (left <= 0 || !this.settleOne()) return null;
    const path: ImagePoint[] = [];
    for (let pixel = target; pixel !== NONE; pixel = this.from[pixel]) {
      const x = pixel % box.width;
      path.push({ x: box.x + x + 0.5, y: box.y + (pixel - x) / box.width + 0.5 });
    }
    return path.reverse();
  }

  private look(): void {
    const step = this.edges?.next();
    if (!step?.done) return;
    this.cost = step.value;
    this.edges = null;
  }

  private settleOne(): boolean {
    if (this.waiting === 0) return false;
    while (this.heads[this.reached & (RING - 1)] === NONE) this.reached++;
    const pixel = this.heads[this.reached & (RING - 1)];
    this.unlink(pixel);
    this.settled[pixel] = 1;
    const { width, height } = this.box;
    const x = pixel % width;
    const y = (pixel - x) / width;
    const [left, right, up, down] = [x > 0, x < width - 1, y > 0, y < height - 1];
    if (left) this.relax(pixel, pixel - 1, STRAIGHT);
    if (right) this.relax(pixel, pixel + 1, STRAIGHT);
    if (up) this.relax(pixel, pixel - width, STRAIGHT);
    if (down) this.relax(pixel, pixel + width, STRAIGHT);
    if (left && up) this.relax(pixel, pixel - width - 1, ACROSS);
    if (right && up) this.relax(pixel, pixel - width + 1, ACROSS);
    if (left && down) this.relax(pixel, pixel + width - 1, ACROSS);
    if (right && down) this.relax(pixel, pixel + width + 1, ACROSS);
    return true;
  }

  private relax(pixel: number, other: number, length: number): void {
    if (this.settled[other]) return;
    const distance = this.distance[pixel] + this.cost[other] * length;
    if (distance >= this.distance[other]) return;
    if (this.from[other] !== NONE) this.unlink(other);
    this.distance[other] = distance;
    this.from[other] = pixel;
    this.link(other);
  }

  private link(pixel: number): void {
    const slot = this.distance[pixel] & (RING - 1);
    const first = this.heads[slot];
    this.next[pixel] = first;
    this.previous[pixel] = NONE;
    if (first !== NONE) this.previous[first] = pixel;
    this.heads[slot] = pixel;
    this.waiting++;
  }

  private unlink(pixel: number): void {
    const [before, after] = [this.previous[pixel], this.next[pixel]];
    if (before === NONE) this.heads[this.distance[pixel] & (RING - 1)] = after;
    else this.next[before] = after;
    if (after !== NONE) this.previous[after] = before;
    this.waiting--;
  }
}

/**
 * Of each pixel of a window 1 (on an edge) to 1 + DEAREST (no edge): edges are judged against the window's strong
 * ones. Some rows at a time, so that a press of the pointer does not wait for it.
 */
function* costs(
  picture: Greys,
  pictureWidth: number,
  pictureHeight: number,
  box: Box,
): Generator<void, Uint8Array> {
  const { width, height } = box;
  const greys = new Uint8Array(width * height);
  for (let row = 0; row < height; row += ROWS) {
    const band = { ...box, y: box.y + row, height: Math.min(ROWS, height - row) };
    greys.set(blurred(picture, pictureWidth, pictureHeight, band, BLUR), row * width);
    yield;
  }
  const edges = new Uint16Array(greys.length);
  const histogram = new Uint32Array(2048);
  for (let y = 0; y < height; y++) {
    if (y % ROWS === ROWS - 1) yield;
    const above = y > 0 ? -width : 0;
    const below = y < height - 1 ? width : 0;
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const before = x > 0 ? -1 : 0;
      const after = x < width - 1 ? 1 : 0;
      // Sobel's operator.
      const across =
        greys[i + above + after] +
        2 * greys[i + after] +
        greys[i + below + after] -
        greys[i + above + before] -
        2 * greys[i + before] -
        greys[i + below + before];
      const down =
        greys[i + below + before] +
        2 * greys[i + below] +
        greys[i + below + after] -
        greys[i + above + before] -
        2 * greys[i + above] -
        greys[i + above + after];
      edges[i] = Math.min(2047, Math.sqrt(across * across + down * down));
      histogram[edges[i]]++;
    }
  }
  // The strongest twentieth counts as an edge in full: one bright reflection must not set the scale.
  let strong = 2047;
  let stronger = histogram[strong];
  while (strong > 1 && stronger < greys.length / 20) stronger += histogram[--strong];
  yield;
  const out = new Uint8Array(greys.length);
  for (let i = 0; i < out.length; i++) {
    const missing = 1 - Math.min(1, edges[i] / strong);
    out[i] = 1 + Math.round(DEAREST * missing * missing);
  }
  return out;
}
