import { api } from "../../api/client";
import type { ClipMasks, Frame } from "../../api/types";
import { type ClipFrame, decodePng, type FrameSource, type Labelmap } from "../../editor";
import { toPicture } from "./ports";

/** The slice of the pack that holds these frames, which lie back to back but in no promised order. */
export function sliceOf(frames: readonly Pick<Frame, "offset" | "length">[]): {
  offset: number;
  length: number;
} {
  const offset = Math.min(...frames.map((frame) => frame.offset));
  const end = Math.max(...frames.map((frame) => frame.offset + frame.length));
  return { offset, length: end - offset };
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * A clip's frames with their masks, for the player. `frames` in order of index, all of the clip. `unsaved` gives a
 * frame's map where it was changed here and the server does not have it yet.
 */
export function clipSource(
  clipId: number,
  frames: readonly Frame[],
  unsaved: (frameId: number) => Labelmap | null,
): FrameSource {
  return {
    async chunk(from, count, signal): Promise<ClipFrame[]> {
      const wanted = frames.slice(from, from + count);
      const slice = sliceOf(wanted);
      const [pack, masks] = await Promise.all([
        api.bytes(`/api/clips/${clipId}/images`, { query: { ...slice }, signal }),
        api.get<ClipMasks>(`/api/clips/${clipId}/masks`, { query: { from, to: from + count - 1 }, signal }),
      ]);
      return Promise.all(
        wanted.map(async (frame, i) => {
          const start = frame.offset - slice.offset;
          const mask = masks[frame.index];
          return {
            index: from + i,
            picture: await toPicture(pack.slice(start, start + frame.length)),
            map: unsaved(frame.id) ?? (mask ? decodePng(fromBase64(mask.png)) : null),
          };
        }),
      );
    },
  };
}
