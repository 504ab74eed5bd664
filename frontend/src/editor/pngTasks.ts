// What the page and its worker for PNGs say to each other.
import type { MapRuns } from "./runs";

export type PngTask =
  | ({ id: number; kind: "encode" } & MapRuns)
  | { id: number; kind: "decode"; data: Uint8Array<ArrayBuffer> }
  | { id: number; kind: "picture"; data: Uint8Array<ArrayBuffer> };

export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

export interface Sizes {
  readonly full: ImageBitmap;
  readonly half: ImageBitmap;
}

export type PngAnswer = { id: number } & (Pixels | Sizes | { error: string });

/** How pictures are decoded: no colour management touches their greys. */
export const AS_STORED: ImageBitmapOptions = { colorSpaceConversion: "none" };

/** The bytes are no 8-bit grey PNG of a sane size. */
export class WrongPng extends Error {
  override name = "WrongPng";
}
