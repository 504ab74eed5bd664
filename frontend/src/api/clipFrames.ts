import type { ClipFrame, FrameSource, Labelmap } from "../editor";
import { api } from "./client";
import { decodeMask } from "./masks";
import type { ClipMasks, Frame } from "./types";

/** One request asks for at most this much; the server's own limit is twice that. */
const SLICE_BYTES = 16 * 1024 * 1024;

/** A stretch of the pack: frames that lie in it back to back. */
export interface Slice {
  offset: number;
  length: number;
  frames: Frame[];
}

/** Cuts frames into as few stretches of the pack as the size limit and gaps allow. */
export function slicesOf(frames: readonly Frame[], limit = SLICE_BYTES): Slice[] {
  const slices: Slice[] = [];
  for (const frame of frames) {
    const last = slices[slices.length - 1];
    const follows = last && last.offset + last.length === frame.offset && last.length + frame.length <= limit;
    if (follows) {
      last.frames.push(frame);
      last.length += frame.length;
    } else slices.push({ offset: frame.offset, length: frame.length, frames: [frame] });
  }
  return slices;
}

/** A PNG as a picture whose pixels no colour management has touched. */
export function toPicture(png: Uint8Array<ArrayBuffer>): Promise<ImageBitmap> {
  return createImageBitmap(new Blob([png], { type: "image/png" }), { colorSpaceConversion: "none" });
}

export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  // Not Uint8Array.from with a function: ten times as slow, sixteen masks at a time, while a clip plays.
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/**
 * The frames of one clip with their newest masks, several at a request. `frames` are all of them, by index.
 * `unsaved` gives a frame's map where it was changed on this device and the server does not have it yet.
 */
export function clipFrames(
  clipId: number,
  frames: readonly Frame[],
  unsaved: (frameId: number) => Labelmap | null = () => null,
): FrameSource {
  async function pictures(slice: Slice, signal: AbortSignal): Promise<ImageBitmap[]> {
    const { offset, length } = slice;
    const pack = await api.bytes(`/api/clips/${clipId}/images`, { query: { offset, length }, signal });
    return Promise.all(
      slice.frames.map((frame) => {
        const start = frame.offset - offset;
        return toPicture(pack.subarray(start, start + frame.length));
      }),
    );
  }

  return {
    async chunk(from, count, signal): Promise<ClipFrame[]> {
      const wanted = frames.slice(from, from + count);
      const [shown, masks] = await Promise.all([
        Promise.all(slicesOf(wanted).map((slice) => pictures(slice, signal))),
        api.get<ClipMasks>(`/api/clips/${clipId}/masks`, { query: { from, to: from + count - 1 }, signal }),
      ]);
      const saved = await Promise.all(
        wanted.map((frame) => {
          const mask = masks[frame.index];
          return mask ? decodeMask(bytesOfBase64(mask.png)) : null;
        }),
      );
      return shown.flat().map((picture, at) => ({
        index: from + at,
        picture,
        map: unsaved(wanted[at].id) ?? saved[at],
      }));
    },
  };
}
