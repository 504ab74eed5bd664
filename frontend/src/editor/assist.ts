import { type Box, boxBetween } from "./box";
import { BACKGROUND, type Labelmap } from "./labelmap";
import type { PaintMask } from "./raster";
import type { ImagePoint } from "./transform";

/** One thing a person pointed out about the structure in hand. */
export type Hint =
  | { readonly kind: "click"; readonly at: ImagePoint; readonly positive: boolean }
  /** Drawn around the structure; the newest is the one that counts. */
  | { readonly kind: "box"; readonly from: ImagePoint; readonly to: ImagePoint }
  | { readonly kind: "scribble"; readonly points: readonly ImagePoint[]; readonly positive: boolean };

export interface AssistRequest {
  readonly frameId: string;
  readonly label: number;
  /** All of this structure so far, oldest first; never empty. */
  readonly hints: readonly Hint[];
  /** The map before the first of them; must not be kept or changed. */
  readonly prior: Labelmap;
  /** Labels that may be painted over. */
  readonly over: readonly number[];
}

export type AssistAnswer =
  | {
      readonly kind: "proposed";
      readonly map: Labelmap;
      /** Nothing outside it may have changed; null when nothing did. */
      readonly box: Box | null;
      /** How sure the model is, 0-1. */
      readonly score: number;
    }
  /** Nobody answered (busy, offline): worth trying again. */
  | { readonly kind: "busy"; readonly message: string }
  /** The same question will always be refused, and why. */
  | { readonly kind: "refused"; readonly message: string };

/** The way to the model. Answers, never throws, but for `signal`. */
export interface AssistPort {
  ask(request: AssistRequest, signal: AbortSignal): Promise<AssistAnswer>;
  /** A proposal is about to become a step on this frame: the next save tells so. */
  accepted(frameId: string): void;
}

/** How it stands between the person's hints and the model. */
export interface AssistState {
  readonly phase: "idle" | "asking" | "proposed" | "failed";
  readonly hints: number;
  /** Of the proposal shown, 0-1. */
  readonly score: number | null;
  /** Pixels the proposal shown would change. */
  readonly pixels: number;
  /** What is wrong, in words; empty where nothing is. */
  readonly message: string;
  /** Asking once more may help. */
  readonly mayRetry: boolean;
}

export const NOT_ASSISTED: AssistState = {
  phase: "idle",
  hints: 0,
  score: null,
  pixels: 0,
  message: "",
  mayRetry: false,
};

/**
 * Of a proposal what the person's rules let through, put over the map as it is: `label` comes where `add` allows to
 * paint over what is there, and goes to background where `erase` allows it. All else stays, as does all outside `box`.
 */
export function permitted(
  current: Labelmap,
  proposed: Labelmap,
  box: Box | null,
  label: number,
  { add, erase }: { add: PaintMask; erase: PaintMask },
): { readonly map: Labelmap; readonly pixels: number } {
  if (proposed.width !== current.width || proposed.height !== current.height)
    throw new RangeError(
      `got a map of ${proposed.width}×${proposed.height}, expected ${current.width}×${current.height}`,
    );
  const map = current.clone();
  const inside =
    box &&
    boxBetween(box.x, box.y, box.x + box.width - 1, box.y + box.height - 1, current.width, current.height);
  if (!inside) return { map, pixels: 0 };
  let pixels = 0;
  for (let y = inside.y; y < inside.y + inside.height; y++) {
    const start = y * current.width + inside.x;
    for (let i = start; i < start + inside.width; i++) {
      const [is, would] = [current.data[i], proposed.data[i]];
      if (is === would) continue;
      const comes = would === label && add[is] !== 0;
      const goes = would === BACKGROUND && is === label && erase[label] !== 0;
      if (!comes && !goes) continue;
      map.data[i] = would;
      pixels++;
    }
  }
  return { map, pixels };
}
