import { type Labelmap, type Picture, PngWorker, toRuns } from "../editor";

/** One for all screens: it starts with the first mask and lives as long as the page. */
const worker = new PngWorker();

/** The label map of a PNG, decoded beside the page. The bytes are handed over. Rejects with WrongPng. */
export function decodeMask(png: Uint8Array<ArrayBuffer>): Promise<Labelmap> {
  return worker.decode(png);
}

/** The picture of a PNG, its greys as stored. The bytes are handed over. */
export function decodePicture(png: Uint8Array<ArrayBuffer>): Promise<Picture> {
  return worker.picture(png);
}

/** The PNG of a label map, encoded beside the page. */
export function encodeMask(map: Labelmap): Promise<Uint8Array<ArrayBuffer>> {
  return worker.encode({ width: map.width, height: map.height, runs: toRuns(map) });
}
