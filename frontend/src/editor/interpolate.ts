import type { Box } from "./box";
import { squaredDistances } from "./distance";
import { BACKGROUND, Labelmap } from "./labelmap";

/** One label in one key frame: how deep inside (above 0) or far outside (below) each pixel of its box is, in pixels. */
interface Shape {
  readonly box: Box;
  readonly depth: Float32Array;
  /** Mean place of its pixels. */
  readonly x: number;
  readonly y: number;
  /** Of the deepest pixel. */
  readonly deepest: number;
}

/** Pixels around a shape whose distance is known: outside them nothing is drawn. */
const MARGIN = 12;

/**
 * Masks between two key frames, by the signed distance of each label (Raya and Udupa, IEEE TMI 1990), each label first
 * moved along the line between its two centres: structures of a moving probe would else vanish between their places.
 *
 * A label that only one key frame has shrinks to nothing on the way to the other. Where two labels claim a pixel, the
 * one that is deeper there has it.
 */
export class Interpolation {
  private readonly shapes: readonly (readonly [label: number, first: Shape | null, second: Shape | null])[];

  constructor(
    private readonly first: Labelmap,
    private readonly second: Labelmap,
  ) {
    if (first.width !== second.width || first.height !== second.height)
      throw new RangeError(
        `key frames of one size are needed; got ${first.width}×${first.height} and ${second.width}×${second.height}`,
      );
    const [from, to] = [shapesOf(first), shapesOf(second)];
    const labels = [...new Set([...from.keys(), ...to.keys()])].sort((a, b) => a - b);
    this.shapes = labels.map((label) => [label, from.get(label) ?? null, to.get(label) ?? null]);
  }

  /** The mask at `share` of the way: 0 the first key frame, 1 the second. */
  at(share: number): Labelmap {
    const out = new Labelmap(this.first.width, this.first.height);
    if (share <= 0 || share >= 1) {
      out.data.set(share <= 0 ? this.first.data : this.second.data);
      return out;
    }
    const best = new Float32Array(out.data.length);
    for (const [label, first, second] of this.shapes) {
      if (first && second) between(label, first, second, share, out, best);
      else if (first) shrunk(label, first, share, out, best);
      else if (second) shrunk(label, second, 1 - share, out, best);
    }
    return out;
  }
}

function between(label: number, a: Shape, b: Shape, share: number, out: Labelmap, best: Float32Array): void {
  const x = a.x + share * (b.x - a.x);
  const y = a.y + share * (b.y - a.y);
  const [ax, ay] = [Math.round(a.x - x), Math.round(a.y - y)];
  const [bx, by] = [Math.round(b.x - x), Math.round(b.y - y)];
  // Only where both are known: a pixel outside either box is far outside that shape.
  const left = Math.max(0, a.box.x - ax, b.box.x - bx);
  const top = Math.max(0, a.box.y - ay, b.box.y - by);
  const right = Math.min(out.width, a.box.x + a.box.width - ax, b.box.x + b.box.width - bx);
  const bottom = Math.min(out.height, a.box.y + a.box.height - ay, b.box.y + b.box.height - by);
  for (let row = top; row < bottom; row++) {
    let inA = (row + ay - a.box.y) * a.box.width + (left + ax - a.box.x);
    let inB = (row + by - b.box.y) * b.box.width + (left + bx - b.box.x);
    let at = row * out.width + left;
    for (let column = left; column < right; column++, inA++, inB++, at++) {
      const depth = (1 - share) * a.depth[inA] + share * b.depth[inB];
      if (depth <= best[at]) continue;
      best[at] = depth;
      out.data[at] = label;
    }
  }
}

function shrunk(label: number, shape: Shape, share: number, out: Labelmap, best: Float32Array): void {
  const { box, depth, deepest } = shape;
  const gone = share * (deepest + 1);
  for (let row = 0, i = 0; row < box.height; row++) {
    let at = (box.y + row) * out.width + box.x;
    for (let column = 0; column < box.width; column++, i++, at++) {
      const left = depth[i] - gone;
      if (left <= best[at]) continue;
      best[at] = left;
      out.data[at] = label;
    }
  }
}

/** Every label of a map but the background. */
function shapesOf(map: Labelmap): Map<number, Shape> {
  const boxes = new Map<number, { left: number; top: number; right: number; bottom: number }>();
  for (let y = 0, i = 0; y < map.height; y++) {
    for (let x = 0; x < map.width; x++, i++) {
      const label = map.data[i];
      if (label === BACKGROUND) continue;
      const box = boxes.get(label);
      if (!box) boxes.set(label, { left: x, top: y, right: x, bottom: y });
      else {
        if (x < box.left) box.left = x;
        if (x > box.right) box.right = x;
        box.bottom = y;
      }
    }
  }
  const shapes = new Map<number, Shape>();
  for (const [label, { left, top, right, bottom }] of boxes) {
    // Beyond the picture's border too: a shape cut by it ends there in both key frames alike.
    const box = {
      x: left - MARGIN,
      y: top - MARGIN,
      width: right - left + 1 + 2 * MARGIN,
      height: bottom - top + 1 + 2 * MARGIN,
    };
    shapes.set(label, shapeOf(map, label, box));
  }
  return shapes;
}

function shapeOf(map: Labelmap, label: number, box: Box): Shape {
  const inside = new Uint8Array(box.width * box.height);
  const outside = new Uint8Array(inside.length);
  let [sumX, sumY, count] = [0, 0, 0];
  for (let row = 0, i = 0; row < box.height; row++) {
    for (let column = 0; column < box.width; column++, i++) {
      // Beyond the border as on it, or a shape at the border would be taken to end there.
      const x = Math.min(map.width - 1, Math.max(0, box.x + column));
      const y = Math.min(map.height - 1, Math.max(0, box.y + row));
      const isInside = map.data[y * map.width + x] === label;
      (isInside ? inside : outside)[i] = 1;
      if (!isInside || x !== box.x + column || y !== box.y + row) continue;
      sumX += x;
      sumY += y;
      count++;
    }
  }
  const toInside = squaredDistances(inside, box.width, box.height);
  const toOutside = squaredDistances(outside, box.width, box.height);
  const depth = new Float32Array(inside.length);
  let deepest = 0;
  for (let i = 0; i < depth.length; i++) {
    // Half a pixel: the border runs between pixels, not through their centres.
    depth[i] = inside[i] ? Math.min(1e6, Math.sqrt(toOutside[i]) - 0.5) : 0.5 - Math.sqrt(toInside[i]);
    if (depth[i] > deepest) deepest = depth[i];
  }
  return { box, depth, x: sumX / count, y: sumY / count, deepest };
}
