import type { Box } from "./box";

/** Pixel value of background. */
export const BACKGROUND = 0;
/** Pixel value "not annotated": ignored by loss and metrics, drawn as nothing. */
export const NOT_ANNOTATED = 255;

/** One label index (0-255) per pixel, row by row from the top left. */
export class Labelmap {
  readonly data: Uint8Array<ArrayBuffer>;
  /** The pixels four at a time; up to three at the end are in none. */
  readonly words: Uint32Array;

  /**
   * Takes `data` over, without a copy where it begins at a whole word (its pixels are also read four at a time); all
   * background where none is given.
   */
  constructor(
    readonly width: number,
    readonly height: number,
    data?: Uint8Array<ArrayBuffer>,
  ) {
    if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
      throw new RangeError(`a label map needs whole sides of at least 1, got ${width}×${height}`);
    if (data && data.length !== width * height)
      throw new RangeError(`${data.length} pixels do not fill a label map of ${width}×${height}`);
    this.data =
      data?.byteOffset && data.byteOffset % 4 !== 0 ? data.slice() : (data ?? new Uint8Array(width * height));
    this.words = new Uint32Array(this.data.buffer, this.data.byteOffset, this.data.length >> 2);
  }

  /** The label at a pixel; `undefined` outside the map. */
  at(x: number, y: number): number | undefined {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return undefined;
    return this.data[y * this.width + x];
  }

  get box(): Box {
    return { x: 0, y: 0, width: this.width, height: this.height };
  }

  /** A copy of the box's pixels, row by row. The box must lie inside the map. */
  read(box: Box): Uint8Array<ArrayBuffer> {
    const pixels = new Uint8Array(box.width * box.height);
    for (let row = 0; row < box.height; row++) {
      const start = (box.y + row) * this.width + box.x;
      pixels.set(this.data.subarray(start, start + box.width), row * box.width);
    }
    return pixels;
  }

  /** Put pixels, row by row, into the box. The box must lie inside the map. */
  write(box: Box, pixels: Uint8Array): void {
    if (pixels.length !== box.width * box.height)
      throw new RangeError(`${pixels.length} pixels do not fill a box of ${box.width}×${box.height}`);
    for (let row = 0; row < box.height; row++) {
      const from = row * box.width;
      this.data.set(pixels.subarray(from, from + box.width), (box.y + row) * this.width + box.x);
    }
  }

  /** Make the box equal to the same box of a map of the same size. */
  copyBox(box: Box, from: Labelmap): void {
    for (let row = box.y; row < box.y + box.height; row++) {
      const start = row * this.width + box.x;
      this.data.set(from.data.subarray(start, start + box.width), start);
    }
  }

  clone(): Labelmap {
    return new Labelmap(this.width, this.height, this.data.slice());
  }

  equals(other: Labelmap): boolean {
    if (this.width !== other.width || this.height !== other.height) return false;
    for (let i = 0; i < this.data.length; i++) if (this.data[i] !== other.data[i]) return false;
    return true;
  }
}
