import { type Box, boxBetween } from "./box";
import type { Labelmap } from "./labelmap";
import type { ImagePoint } from "./transform";

/** Which labels may be painted over: `may[label] === 1`. */
export type PaintMask = Uint8Array;

/** Paint only where the picture's grey is from `low` to `high`, both included. */
export interface GreyRange {
  readonly greys: Uint8Array;
  readonly low: number;
  readonly high: number;
}

/**
 * Where a brush of this size (whole pixels across) sits: an odd one on the centre of the pixel under
 * the pointer, an even one on the nearest corner. So a brush of size 1 paints exactly that pixel, and
 * a brush has the same shape wherever it is put.
 */
export function snapBrush(at: ImagePoint, size: number): ImagePoint {
  return size % 2 === 1
    ? { x: Math.floor(at.x) + 0.5, y: Math.floor(at.y) + 0.5 }
    : { x: Math.round(at.x), y: Math.round(at.y) };
}

/**
 * Paint all pixels whose centre is within `radius` of the line from `a` to `b`: a round brush drawn
 * along it, without gaps. Cost grows with the pixels painted, not with the picture.
 *
 * Returns the box the brush swept, or null when it lies outside the map.
 */
export function paintCapsule(
  map: Labelmap,
  a: ImagePoint,
  b: ImagePoint,
  radius: number,
  label: number,
  may: PaintMask,
  within: GreyRange | null = null,
): Box | null {
  const swept = sweptBox(map, a, b, radius);
  if (!swept) return null;

  const length = Math.hypot(b.x - a.x, b.y - a.y);
  // The straight part is a rectangle: its corners lie a radius to both sides of the line.
  const side = length > 0 ? { x: ((a.y - b.y) / length) * radius, y: ((b.x - a.x) / length) * radius } : null;
  const corners = side && [
    { x: a.x + side.x, y: a.y + side.y },
    { x: b.x + side.x, y: b.y + side.y },
    { x: b.x - side.x, y: b.y - side.y },
    { x: a.x - side.x, y: a.y - side.y },
  ];
  for (let y = swept.y; y < swept.y + swept.height; y++) {
    const centre = y + 0.5;
    // The shape is convex: a row of it is one interval, from the least to the greatest of its parts.
    let left = Number.POSITIVE_INFINITY;
    let right = Number.NEGATIVE_INFINITY;
    for (const end of [a, b]) {
      const half = radius * radius - (centre - end.y) ** 2;
      if (half < 0) continue;
      left = Math.min(left, end.x - Math.sqrt(half));
      right = Math.max(right, end.x + Math.sqrt(half));
    }
    if (corners) {
      for (let i = 0; i < 4; i++) {
        const p = corners[i];
        const q = corners[(i + 1) % 4];
        if (p.y === q.y || centre < Math.min(p.y, q.y) || centre > Math.max(p.y, q.y)) continue;
        const x = p.x + ((centre - p.y) / (q.y - p.y)) * (q.x - p.x);
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
    }
    // A hair of tolerance, or rounding would drop pixels exactly on the rim.
    paintRow(map, y, Math.ceil(left - 0.5 - 1e-9), Math.floor(right - 0.5 + 1e-9), label, may, within);
  }
  return swept;
}

/**
 * Paint all pixels whose centre is in a square of side 2·`half` drawn from `a` to `b` without turning.
 *
 * Returns the box the brush swept, or null when it lies outside the map.
 */
export function paintSquareSweep(
  map: Labelmap,
  a: ImagePoint,
  b: ImagePoint,
  half: number,
  label: number,
  may: PaintMask,
  within: GreyRange | null = null,
): Box | null {
  const swept = sweptBox(map, a, b, half);
  if (!swept) return null;
  const down = b.y - a.y;
  for (let y = swept.y; y < swept.y + swept.height; y++) {
    // The part of the way, from 0 to 1, on which the square covers this row.
    let [from, to] = [0, 1];
    if (down !== 0) {
      const enters = (y + 0.5 - half - a.y) / down;
      const leaves = (y + 0.5 + half - a.y) / down;
      from = Math.max(0, Math.min(enters, leaves));
      to = Math.min(1, Math.max(enters, leaves));
    }
    const one = a.x + from * (b.x - a.x);
    const other = a.x + to * (b.x - a.x);
    const left = Math.min(one, other) - half;
    const right = Math.max(one, other) + half;
    paintRow(map, y, Math.ceil(left - 0.5 - 1e-9), Math.floor(right - 0.5 + 1e-9), label, may, within);
  }
  return swept;
}

function sweptBox(map: Labelmap, a: ImagePoint, b: ImagePoint, radius: number): Box | null {
  return boxBetween(
    Math.ceil(Math.min(a.x, b.x) - radius - 0.5),
    Math.ceil(Math.min(a.y, b.y) - radius - 0.5),
    Math.floor(Math.max(a.x, b.x) + radius - 0.5),
    Math.floor(Math.max(a.y, b.y) + radius - 0.5),
    map.width,
    map.height,
  );
}

/**
 * Paint all pixels whose centre is inside the closed polygon by the even-odd rule: parts enclosed
 * twice stay out. A centre exactly on an edge belongs to the area right of or below that edge, so that
 * polygons sharing an edge neither overlap nor leave a gap.
 */
export function paintPolygon(
  map: Labelmap,
  points: readonly ImagePoint[],
  label: number,
  may: PaintMask,
): Box | null {
  if (points.length < 3) return null;
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const box = boxBetween(
    Math.ceil(Math.min(...xs) - 0.5),
    Math.ceil(Math.min(...ys) - 0.5),
    Math.ceil(Math.max(...xs) - 0.5) - 1,
    Math.ceil(Math.max(...ys) - 0.5) - 1,
    map.width,
    map.height,
  );
  if (!box) return null;
  for (let y = box.y; y < box.y + box.height; y++) {
    const centre = y + 0.5;
    const crossings: number[] = [];
    for (let i = 0; i < points.length; i++) {
      const p = points[i];
      const q = points[(i + 1) % points.length];
      // Half-open in y: a vertex exactly on the row counts once, a horizontal edge never.
      if (p.y <= centre === q.y <= centre) continue;
      crossings.push(p.x + ((centre - p.y) / (q.y - p.y)) * (q.x - p.x));
    }
    crossings.sort((one, other) => one - other);
    for (let i = 0; i + 1 < crossings.length; i += 2)
      paintRow(map, y, Math.ceil(crossings[i] - 0.5), Math.ceil(crossings[i + 1] - 0.5) - 1, label, may);
  }
  return box;
}

/**
 * Give the connected region (through edges, not corners) of equal label around a pixel another label.
 *
 * Returns its box, or null when nothing is to be done: outside the map, the same label already, or a
 * label that may not be painted over.
 */
export function floodFill(map: Labelmap, x: number, y: number, label: number, may: PaintMask): Box | null {
  const from = map.at(x, y);
  if (from === undefined || from === label || !may[from]) return null;
  const { data, width, height } = map;
  let left = x;
  let right = x;
  let top = y;
  let bottom = y;
  const seeds = [y * width + x];
  for (let seed = seeds.pop(); seed !== undefined; seed = seeds.pop()) {
    if (data[seed] !== from) continue;
    const row = Math.floor(seed / width);
    const start = row * width;
    let first = seed;
    let last = seed;
    while (first > start && data[first - 1] === from) first--;
    while (last < start + width - 1 && data[last + 1] === from) last++;
    data.fill(label, first, last + 1);
    left = Math.min(left, first - start);
    right = Math.max(right, last - start);
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
    // One seed for each stretch of the region in the rows above and below.
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= height) continue;
      const shift = (next - row) * width;
      for (let i = first; i <= last; i++)
        if (data[i + shift] === from && (i === first || data[i + shift - 1] !== from)) seeds.push(i + shift);
    }
  }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

function paintRow(
  map: Labelmap,
  y: number,
  first: number,
  last: number,
  label: number,
  may: PaintMask,
  within: GreyRange | null = null,
): void {
  const { data } = map;
  const start = y * map.width;
  const end = start + Math.min(map.width - 1, last);
  if (!within) {
    for (let i = start + Math.max(0, first); i <= end; i++) if (may[data[i]]) data[i] = label;
    return;
  }
  const { greys, low, high } = within;
  for (let i = start + Math.max(0, first); i <= end; i++)
    if (may[data[i]] && greys[i] >= low && greys[i] <= high) data[i] = label;
}

/** The smallest box around all pixels of a label; null where there is none. */
export function labelBox({ data, width, height }: Labelmap, label: number): Box | null {
  const first = data.indexOf(label);
  if (first < 0) return null;
  const top = Math.floor(first / width);
  const bottom = Math.floor(data.lastIndexOf(label) / width);
  let left = width;
  let right = -1;
  for (let y = top; y <= bottom; y++) {
    const start = y * width;
    // What lies between the outermost pixels found so far cannot move them.
    for (let x = 0; x < left; x++) if (data[start + x] === label) left = x;
    for (let x = width - 1; x > right; x--) if (data[start + x] === label) right = x;
  }
  return boxBetween(left, top, right, bottom, width, height);
}
