import type { Frame } from "../../api/types";

/** Index of the frame drawn at `x` of a strip `width` wide. */
export function atPosition(x: number, width: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.floor((x / width) * count)));
}

/** Index of the next (1) or previous (-1) selected frame; `from` itself where there is none. */
export function nearestSelected(frames: readonly Frame[], from: number, step: 1 | -1): number {
  for (let at = from + step; at >= 0 && at < frames.length; at += step) if (frames[at]?.selected) return at;
  return from;
}
