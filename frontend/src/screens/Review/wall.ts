import type { ReviewOrder } from "../../api/hooks";
import type { QueueItem, Verdict } from "../../api/types";

/** Highest of `order` first; frames that have no such number come last, in the order they came. */
export function worstFirst(items: readonly QueueItem[], order: ReviewOrder): QueueItem[] {
  return [...items].sort((a, b) => (b.frame[order] ?? -1) - (a.frame[order] ?? -1));
}

/** Verdicts given together: what one press takes back. */
export interface Judged {
  verdict: Verdict;
  /** Ids of the reviews. */
  reviews: readonly number[];
}

/** Where the cursor stands and what is picked. Frames are named by id, so that neither slips when the wall changes. */
export interface WallState {
  order: ReviewOrder;
  cursor: number | null;
  picked: ReadonlySet<number>;
  /** Frames judged here whose answer has not come yet, or has come: not shown, whatever the list says. */
  gone: ReadonlySet<number>;
  /** What the server listed last, as it was shown. */
  listed: readonly number[];
  /** What this person gave here and may want to take back, the newest last. */
  judged: readonly Judged[];
}

export const START: WallState = {
  order: "uncertainty",
  cursor: null,
  picked: new Set(),
  gone: new Set(),
  listed: [],
  judged: [],
};

export type WallAction =
  | { do: "order"; by: ReviewOrder }
  | { do: "move"; by: number; shown: readonly number[] }
  | { do: "point"; at: number }
  | { do: "toggle"; frame: number }
  | { do: "range"; to: number; shown: readonly number[] }
  | { do: "all"; shown: readonly number[] }
  | { do: "clear" }
  | { do: "judged"; frames: readonly number[]; shown: readonly number[] }
  | { do: "refused"; frames: readonly number[] }
  | { do: "given"; judged: Judged }
  | { do: "takingBack"; judged: Judged }
  | { do: "takenBack"; frames: readonly number[] }
  | { do: "listed"; frames: readonly number[] };

export function wallReducer(state: WallState, action: WallAction): WallState {
  switch (action.do) {
    case "order":
      return { ...state, order: action.by, cursor: null };
    case "move": {
      if (!action.shown.length) return state;
      const here = currentIndex(state, action.shown);
      const there = Math.min(action.shown.length - 1, Math.max(0, here + action.by));
      return { ...state, cursor: action.shown[there] };
    }
    case "point":
      return { ...state, cursor: action.at };
    case "toggle": {
      const picked = new Set(state.picked);
      if (!picked.delete(action.frame)) picked.add(action.frame);
      return { ...state, cursor: action.frame, picked };
    }
    case "range": {
      const ends = [currentIndex(state, action.shown), action.shown.indexOf(action.to)].sort((a, b) => a - b);
      const between = action.shown.slice(ends[0], ends[1] + 1);
      return { ...state, cursor: action.to, picked: new Set([...state.picked, ...between]) };
    }
    case "all":
      return { ...state, picked: new Set(action.shown) };
    case "clear":
      return { ...state, picked: new Set() };
    case "judged": {
      const judged = new Set(action.frames);
      return {
        ...state,
        cursor: nextAfter(
          currentIndex(state, action.shown),
          action.shown.filter((frame) => !judged.has(frame)),
          action.shown,
        ),
        picked: new Set([...state.picked].filter((frame) => !judged.has(frame))),
        gone: new Set([...state.gone, ...judged]),
      };
    }
    case "refused": {
      const back = new Set(action.frames);
      return {
        ...state,
        cursor: action.frames[0] ?? state.cursor,
        gone: new Set([...state.gone].filter((frame) => !back.has(frame))),
      };
    }
    case "given":
      return { ...state, judged: [...state.judged, action.judged] };
    case "takingBack":
      return { ...state, judged: state.judged.filter((judged) => judged !== action.judged) };
    case "takenBack": {
      const back = new Set(action.frames);
      return {
        ...state,
        cursor: action.frames[0] ?? state.cursor,
        // Picked again where there were several: most often the verdict was wrong for a few of them.
        picked: back.size > 1 ? new Set([...state.picked, ...back]) : state.picked,
        gone: new Set([...state.gone].filter((frame) => !back.has(frame))),
      };
    }
    case "listed": {
      const listed = new Set(action.frames);
      const still = (frames: ReadonlySet<number>) =>
        new Set([...frames].filter((frame) => listed.has(frame)));
      const { cursor } = state;
      // What the server no longer lists need not be hidden: submitted again, it is to be seen again.
      const gone = still(state.gone);
      const stays = action.frames.filter((frame) => !gone.has(frame));
      return {
        ...state,
        gone,
        picked: still(state.picked),
        listed: action.frames,
        cursor:
          cursor === null || listed.has(cursor)
            ? cursor
            : nextAfter(state.listed.indexOf(cursor), stays, state.listed),
      };
    }
  }
}

/** The cursor's place among the frames shown; the first where it is nowhere. */
export function currentIndex(state: WallState, shown: readonly number[]): number {
  return Math.max(0, state.cursor === null ? 0 : shown.indexOf(state.cursor));
}

/** What a verdict key speaks about: what is picked, else the frame under the cursor. */
export function targets(state: WallState, shown: readonly number[]): number[] {
  const picked = shown.filter((frame) => state.picked.has(frame));
  if (picked.length) return picked;
  return shown.length ? [shown[currentIndex(state, shown)]] : [];
}

/** The frame that takes the cursor when the one it is on leaves: the next that stays, else the last before. */
function nextAfter(from: number, stays: readonly number[], shown: readonly number[]): number | null {
  if (from < 0) return null;
  const staying = new Set(stays);
  const after = shown.slice(from).find((frame) => staying.has(frame));
  const before = shown.slice(0, from).findLast((frame) => staying.has(frame));
  return after ?? before ?? null;
}
