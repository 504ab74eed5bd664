import { decode, encode } from "fast-png";
import { Labelmap } from "./labelmap";
import { WrongPng } from "./pngTasks";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
/** Larger label maps are refused before a byte of them is decoded. */
const MOST_PIXELS = 64 * 1024 * 1024;

/** A label map as 8-bit grey PNG whose pixel values are the label indices. */
export function encodePng(map: Labelmap): Uint8Array<ArrayBuffer> {
  const bytes = encode({ width: map.width, height: map.height, data: map.data, channels: 1, depth: 8 });
  return new Uint8Array(bytes);
}

/**
 * The label map of an 8-bit grey PNG, every value exactly as stored: never through a canvas, whose
 * colour management may change indices. Throws WrongPng.
 */
export function decodePng(bytes: Uint8Array): Labelmap {
  // IHDR is always first: signature 8, length 4, "IHDR" 4, then width, height, depth, colour type.
  if (bytes.length < 33 || SIGNATURE.some((byte, i) => bytes[i] !== byte))
    throw new WrongPng(`expected a PNG, got ${bytes.length} bytes of something else`);
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = header.getUint32(16);
  const height = header.getUint32(20);
  const depth = header.getUint8(24);
  const colorType = header.getUint8(25);
  if (depth !== 8 || colorType !== 0)
    throw new WrongPng(`expected 8-bit grey (colour type 0), got ${depth}-bit, colour type ${colorType}`);
  if (width < 1 || height < 1 || width * height > MOST_PIXELS)
    throw new WrongPng(`a label map of ${width}×${height} pixels is not of a sane size`);
  try {
    const png = decode(bytes, { checkCrc: true });
    return new Labelmap(width, height, new Uint8Array(png.data));
  } catch (error) {
    throw new WrongPng(`the PNG is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
}
