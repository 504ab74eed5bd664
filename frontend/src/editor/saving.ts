import type { Labelmap } from "./labelmap";

/** What is told with a mask. */
export interface SaveMeta {
  /** What the work began from: "blank", "draft", … for the first save of a visit, "hand" after that. */
  readonly origin: string;
  /** Since the last saved revision, idle time left out. */
  readonly activeSeconds: number;
  /** Finished, undone and redone steps since the last saved revision. */
  readonly strokes: number;
  /** Presses of the pointer on the picture since the last saved revision. */
  readonly clicks: number;
}

/** What work has cost a person. */
export interface Effort {
  readonly activeSeconds: number;
  readonly strokes: number;
  readonly clicks: number;
}

export interface SaveRequest {
  readonly frameId: string;
  /** 8-bit grey PNG. */
  readonly png: Uint8Array<ArrayBuffer>;
  /** For If-Match. */
  readonly etag: string;
  readonly meta: SaveMeta;
}

export type SaveAnswer =
  | { readonly kind: "saved"; readonly etag: string; readonly number: number }
  /** 412: somebody saved since. `number`, `author` and `at` are of the newest revision. */
  | { readonly kind: "stale"; readonly number: number; readonly author: string; readonly at: string }
  /** No answer, or 5xx: worth trying again. */
  | { readonly kind: "offline" }
  | { readonly kind: "signedOut" }
  /** The server will never take this (400, 403, 404, …), and why. */
  | { readonly kind: "refused"; readonly message: string };

/** The way to the server. Answers, never throws, for whatever the network does. */
export interface SavePort {
  put(request: SaveRequest): Promise<SaveAnswer>;
  /** The newest saved mask of the frame, asked after an answer was lost. Null when it cannot be told now. */
  newest(
    frameId: string,
  ): Promise<{ readonly etag: string; readonly number: number; readonly map: Labelmap } | null>;
  /**
   * The map that work of this `origin` on top of revision `number` grew from; of 0, the draft or a blank map.
   * Throws where it cannot be had.
   */
  base(frameId: string, number: number, origin: string): Promise<Labelmap>;
}

/** Where unsaved work is kept on this device; `Journal` is one. */
export interface WorkKeeper {
  write(entry: {
    frameId: string;
    etag: string;
    number: number;
    origin: string;
    width: number;
    height: number;
    runs: Uint32Array<ArrayBuffer>;
    at: number;
    activeSeconds: number;
    strokes: number;
    clicks: number;
  }): Promise<void>;
  remove(frameId: string): Promise<void>;
}

export type SaveState =
  /** Number 0: nothing saved and nothing to save. */
  | { readonly kind: "saved"; readonly number: number }
  /** Edited a moment ago; on this device, soon to be sent. */
  | { readonly kind: "unsaved" }
  | { readonly kind: "saving" }
  | { readonly kind: "offline" }
  | { readonly kind: "conflict"; readonly number: number; readonly author: string; readonly at: string }
  | { readonly kind: "signedOut" }
  | { readonly kind: "refused"; readonly message: string };

/** The saved state in words, as it stands in the corner of the editor. */
export function describe(state: SaveState): string {
  switch (state.kind) {
    case "saved":
      return state.number === 0 ? "Nothing to save" : `Saved r${state.number}`;
    case "unsaved":
    case "saving":
      return "Saving…";
    case "offline":
      return "Kept on this device (offline)";
    case "conflict":
      return `${state.author} saved r${state.number} meanwhile: yours is kept on this device`;
    case "signedOut":
      return "Kept on this device: sign in again to save";
    case "refused":
      return `Kept on this device, not saved: ${state.message}`;
  }
}
