import { blurred, type Greys } from "./greys";

/** Small patches of like greys that cover the picture. */
export interface Superpixels {
  readonly width: number;
  readonly height: number;
  /** The patch of each pixel, 0 … count-1, row by row. */
  readonly of: Int32Array<ArrayBuffer>;
  readonly count: number;
  /** Left, top, right, bottom of each patch, all included. */
  readonly boxes: Int32Array<ArrayBuffer>;
}

const BLUR = 2;
const ROUNDS = 4;
/** How much place weighs against grey: a patch's side counts as this many grey values. */
const COMPACTNESS = 12;

/**
 * Cut a picture into connected patches of about `side`² pixels that keep to its edges (SLIC: Achanta et
 * al., 2012, on one channel): k-means in grey and place, each centre looking only around itself; pieces
 * that come off join a neighbour.
 */
export function superpixels(greys: Greys, width: number, height: number, side: number): Superpixels {
  const smooth = blurred(greys, width, height, { x: 0, y: 0, width, height }, BLUR);
  const columns = Math.max(1, Math.round(width / side));
  const rows = Math.max(1, Math.round(height / side));
  const centres = columns * rows;
  const x = new Float32Array(centres);
  const y = new Float32Array(centres);
  const grey = new Float32Array(centres);
  for (let k = 0; k < centres; k++) {
    x[k] = ((k % columns) + 0.5) * (width / columns);
    y[k] = (Math.floor(k / columns) + 0.5) * (height / rows);
    grey[k] = smooth[Math.floor(y[k]) * width + Math.floor(x[k])];
  }
  const nearest = new Int32Array(width * height);
  const best = new Float32Array(width * height);
  const weight = (COMPACTNESS / side) ** 2;
  for (let round = 0; round < ROUNDS; round++) {
    best.fill(Number.POSITIVE_INFINITY);
    for (let k = 0; k < centres; k++) {
      const left = Math.max(0, Math.floor(x[k] - side));
      const right = Math.min(width - 1, Math.floor(x[k] + side));
      const top = Math.max(0, Math.floor(y[k] - side));
      const bottom = Math.min(height - 1, Math.floor(y[k] + side));
      for (let row = top; row <= bottom; row++) {
        const down = (row + 0.5 - y[k]) ** 2 * weight;
        for (let column = left, i = row * width + left; column <= right; column++, i++) {
          const distance = (smooth[i] - grey[k]) ** 2 + (column + 0.5 - x[k]) ** 2 * weight + down;
          if (distance >= best[i]) continue;
          best[i] = distance;
          nearest[i] = k;
        }
      }
    }
    recentre(smooth, width, nearest, x, y, grey);
  }
  return connected(nearest, width, height, (side * side) / 4);
}

function recentre(
  greys: Greys,
  width: number,
  nearest: Int32Array,
  x: Float32Array,
  y: Float32Array,
  grey: Float32Array,
): void {
  const sums = new Float64Array(4 * x.length);
  for (let i = 0; i < nearest.length; i++) {
    const k = 4 * nearest[i];
    const column = i % width;
    sums[k]++;
    sums[k + 1] += column + 0.5;
    sums[k + 2] += (i - column) / width + 0.5;
    sums[k + 3] += greys[i];
  }
  for (let k = 0; k < x.length; k++) {
    const count = sums[4 * k];
    if (count === 0) continue;
    x[k] = sums[4 * k + 1] / count;
    y[k] = sums[4 * k + 2] / count;
    grey[k] = sums[4 * k + 3] / count;
  }
}

/** Number the connected pieces; one of fewer than `least` pixels joins the patch it was met from. */
function connected(nearest: Int32Array, width: number, height: number, least: number): Superpixels {
  const of = new Int32Array(nearest.length).fill(-1);
  const piece = new Int32Array(nearest.length);
  const boxes: number[] = [];
  let count = 0;
  for (let start = 0; start < of.length; start++) {
    if (of[start] >= 0) continue;
    let neighbour = -1;
    if (start % width > 0) neighbour = of[start - 1];
    else if (start >= width) neighbour = of[start - width];
    let length = 0;
    piece[length++] = start;
    of[start] = count;
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let at = 0; at < length; at++) {
      const i = piece[at];
      const column = i % width;
      const row = (i - column) / width;
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
      for (const other of [
        column > 0 ? i - 1 : i,
        column < width - 1 ? i + 1 : i,
        row > 0 ? i - width : i,
        row < height - 1 ? i + width : i,
      ]) {
        if (of[other] >= 0 || nearest[other] !== nearest[start]) continue;
        of[other] = count;
        piece[length++] = other;
      }
    }
    if (length >= least || neighbour < 0) {
      boxes.push(left, top, right, bottom);
      count++;
      continue;
    }
    for (let at = 0; at < length; at++) of[piece[at]] = neighbour;
    const b = 4 * neighbour;
    boxes[b] = Math.min(boxes[b], left);
    boxes[b + 1] = Math.min(boxes[b + 1], top);
    boxes[b + 2] = Math.max(boxes[b + 2], right);
    boxes[b + 3] = Math.max(boxes[b + 3], bottom);
  }
  return { width, height, of, count, boxes: Int32Array.from(boxes) };
}

/** The outline of a patch: the pixel edges between it and its neighbours, x1, y1, x2, y2 and so on. */
export function outlineOf({ width, height, of, boxes }: Superpixels, patch: number): number[] {
  const [left, top, right, bottom] = boxes.subarray(4 * patch, 4 * patch + 4);
  const segments: number[] = [];
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const i = y * width + x;
      if (of[i] !== patch) continue;
      if (y === 0 || of[i - width] !== patch) segments.push(x, y, x + 1, y);
      if (y === height - 1 || of[i + width] !== patch) segments.push(x, y + 1, x + 1, y + 1);
      if (x === 0 || of[i - 1] !== patch) segments.push(x, y, x, y + 1);
      if (x === width - 1 || of[i + 1] !== patch) segments.push(x + 1, y, x + 1, y + 1);
    }
  return segments;
}
