import type { Picture } from "./editorState";

/** One grey value (0-255) per pixel, row by row. */
export type Greys = Uint8Array;

/** Rows read at a time: a strip of a 4096-pixel picture takes some 10 ms. */
const STRIP = 256;

/**
 * Reads a picture's grey values, strip by strip, so that no step is felt.
 *
 * Where the picture has colour, ITU-R BT.601 luma; of a grey picture exactly its values.
 */
export class GreyReader {
  private readonly greys: Greys;
  private rows = 0;
  private context: OffscreenCanvasRenderingContext2D | null = null;

  constructor(private readonly picture: Picture) {
    this.greys = picture.greys ?? new Uint8Array(picture.width * picture.height);
    if (picture.greys) this.rows = picture.height;
  }

  /** Read one strip more. True when all are read. */
  step(): boolean {
    const { width, height } = this.picture;
    if (this.rows >= height) return true;
    const count = Math.min(STRIP, height - this.rows);
    this.context ??= contextOf(width, Math.min(STRIP, height));
    this.context.drawImage(this.picture as ImageBitmap, 0, -this.rows);
    const { data } = this.context.getImageData(0, 0, width, count);
    for (let i = this.rows * width, at = 0; at < 4 * width * count; i++, at += 4)
      this.greys[i] = (77 * data[at] + 150 * data[at + 1] + 29 * data[at + 2]) >> 8;
    this.rows += count;
    if (this.rows < height) return false;
    this.context = null;
    return true;
  }

  /** All of them, now. */
  finish(): Greys {
    while (!this.step());
    return this.greys;
  }
}

function contextOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d", {
    alpha: false,
    willReadFrequently: true,
  });
  if (!context) throw new Error("this browser gives no 2D canvas: the picture's greys cannot be read");
  return context;
}

/** Readers go with their pictures. */
const readers = new WeakMap<Picture, GreyReader>();

export function greyReader(picture: Picture): GreyReader {
  const known = readers.get(picture) ?? new GreyReader(picture);
  readers.set(picture, known);
  return known;
}

/**
 * The mean of the (2·radius+1)² pixels around each pixel of a window, cut at the picture's border.
 *
 * Shapes
 *     greys    width × height
 *     returns  box.width × box.height
 */
export function blurred(
  greys: Greys,
  width: number,
  height: number,
  box: { x: number; y: number; width: number; height: number },
  radius: number,
): Greys {
  const top = Math.max(0, box.y - radius);
  const bottom = Math.min(height - 1, box.y + box.height - 1 + radius);
  // Sums along rows first, then running sums down the columns.
  const sums = new Int32Array((bottom - top + 1) * box.width);
  for (let y = top; y <= bottom; y++) {
    let sum = 0;
    for (let x = Math.max(0, box.x - radius); x < Math.min(width, box.x + radius); x++)
      sum += greys[y * width + x];
    for (let column = 0; column < box.width; column++) {
      const enters = box.x + column + radius;
      const leaves = box.x + column - radius - 1;
      if (enters < width) sum += greys[y * width + enters];
      // In the first column nothing leaves: what is left of it was never added.
      if (column > 0 && leaves >= 0) sum -= greys[y * width + leaves];
      sums[(y - top) * box.width + column] = sum;
    }
  }
  const out = new Uint8Array(box.width * box.height);
  const running = new Int32Array(box.width);
  const add = (y: number, sign: 1 | -1) => {
    const start = (y - top) * box.width;
    for (let column = 0; column < box.width; column++) running[column] += sign * sums[start + column];
  };
  for (let y = top; y < Math.min(bottom + 1, box.y + radius); y++) add(y, 1);
  for (let row = 0; row < box.height; row++) {
    const y = box.y + row;
    if (y + radius <= bottom) add(y + radius, 1);
    if (y - radius - 1 >= top) add(y - radius - 1, -1);
    const tall = Math.min(height - 1, y + radius) - Math.max(0, y - radius) + 1;
    for (let column = 0; column < box.width; column++) {
      const x = box.x + column;
      const wide = Math.min(width - 1, x + radius) - Math.max(0, x - radius) + 1;
      out[row * box.width + column] = Math.round(running[column] / (tall * wide));
    }
  }
  return out;
}
