import type { Frame } from "../../../api/types";

/** Frames between two key frames, and how far along each lies: 0 the first key frame, 1 the second. */
export interface Stretch {
  readonly first: Frame;
  readonly second: Frame;
  readonly targets: readonly { readonly frame: Frame; readonly share: number }[];
}

/** A person has drawn on it: it can be carried from, and is never carried over. */
export const isKey = (frame: Frame) => frame.selected && frame.state !== "untouched";

const isTarget = (frame: Frame) => frame.selected && frame.state === "untouched";

/**
 * Where to interpolate around a frame: on both its sides when a person has drawn on it, else between the key frames
 * around it. Shares go by time, not by index: cameras drop frames.
 *
 * frames  of the clip, in order of time
 * at      place of the open frame
 * drawn   whether the open frame counts as a key frame, whatever the list still says
 */
export function stretches(frames: readonly Frame[], at: number, drawn: boolean): Stretch[] {
  const open = frames[at];
  if (!open) return [];
  const before = frames.slice(0, at).findLast(isKey);
  const after = frames.slice(at + 1).find(isKey);
  const ends: [Frame | undefined, Frame | undefined][] =
    drawn || isKey(open)
      ? [
          [before, open],
          [open, after],
        ]
      : [[before, after]];
  return ends.flatMap(([first, second]) => {
    if (!first || !second) return [];
    const between = frames.slice(frames.indexOf(first) + 1, frames.indexOf(second)).filter(isTarget);
    const span = second.time_us - first.time_us;
    const targets = between.map((frame) => ({
      frame,
      share:
        span > 0
          ? (frame.time_us - first.time_us) / span
          : (frame.index - first.index) / (second.index - first.index),
    }));
    return targets.length ? [{ first, second, targets }] : [];
  });
}

/** The next `count` frames that wait for a person, in one direction; drawn-on frames end the walk. */
export function following(
  frames: readonly Frame[],
  at: number,
  direction: "forward" | "backward",
  count: number,
): Frame[] {
  const rest = direction === "forward" ? frames.slice(at + 1) : frames.slice(0, at).reverse();
  const end = rest.findIndex(isKey);
  return rest
    .slice(0, end < 0 ? rest.length : end)
    .filter(isTarget)
    .slice(0, count);
}

/** What a jump looks for. */
export type Wanted = "uncertain" | "untouched" | "returned";

/**
 * The next frame of a kind, going on from the open one and round the end of the clip; for "uncertain" the least
 * certain untouched frame of the clip, then the next less certain one. Null where there is none.
 */
export function nextOf(frames: readonly Frame[], at: number, wanted: Wanted): Frame | null {
  const around = [...frames.slice(at + 1), ...frames.slice(0, Math.max(0, at))].filter(
    (frame) => frame.selected,
  );
  if (wanted !== "uncertain") return around.find((frame) => frame.state === wanted) ?? null;
  const open = frames[at];
  const ranked = around
    .filter((frame) => frame.state === "untouched" && frame.uncertainty !== null)
    .sort((a, b) => (b.uncertainty ?? 0) - (a.uncertainty ?? 0) || a.index - b.index);
  const last = open && open.state === "untouched" ? open.uncertainty : null;
  const isLess = (frame: Frame) =>
    last === null ||
    (frame.uncertainty ?? 0) < last ||
    (frame.uncertainty === last && frame.index > open.index);
  return ranked.find(isLess) ?? ranked[0] ?? null;
}
