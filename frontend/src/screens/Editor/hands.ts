import { useCallback, useState } from "react";
import type { FingerDraws, KeyChanges } from "../../editor";

/** How one person works: their keys, and what a finger does. */
export interface Hands {
  readonly keys: KeyChanges;
  /** On the review wall. */
  readonly wall: KeyChanges;
  readonly finger: FingerDraws;
}

export const DEFAULT_HANDS: Hands = { keys: {}, wall: {}, finger: "auto" };
const FINGERS: readonly string[] = ["auto", "always", "never"];

const nameFor = (userId: number) => `sonoloop-hands-${userId}`;

function parseKeys(stored: unknown): KeyChanges {
  const known = Object.entries(typeof stored === "object" && stored ? stored : {}).filter(
    ([, chord]) => chord === null || typeof chord === "string",
  );
  return Object.fromEntries(known);
}

/** What was stored, as far as it can be understood. */
export function parseHands(text: string | null): Hands {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "null");
  } catch {
    return DEFAULT_HANDS; // written by something else
  }
  if (typeof stored !== "object" || stored === null) return DEFAULT_HANDS;
  const { keys, wall, finger } = stored as Record<string, unknown>;
  return {
    keys: parseKeys(keys),
    wall: parseKeys(wall),
    finger: FINGERS.includes(String(finger)) ? (finger as FingerDraws) : "auto",
  };
}

/** A person's hands on this device. `isKept` is false where the browser stores nothing: they last for this visit. */
export function useHands(userId: number): {
  hands: Hands;
  setHands: (hands: Hands) => void;
  isKept: boolean;
} {
  const [{ hands, isKept }, setState] = useState(() => {
    try {
      return { hands: parseHands(localStorage.getItem(nameFor(userId))), isKept: true };
    } catch {
      return { hands: DEFAULT_HANDS, isKept: false };
    }
  });
  const setHands = useCallback(
    (changed: Hands) => {
      let kept = true;
      try {
        localStorage.setItem(nameFor(userId), JSON.stringify(changed));
      } catch {
        kept = false;
      }
      setState({ hands: changed, isKept: kept });
    },
    [userId],
  );
  return { hands, setHands, isKept };
}
