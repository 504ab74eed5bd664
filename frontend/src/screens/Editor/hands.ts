import { useCallback, useState } from "react";
import { type FingerDraws, type KeyChanges, LEFT_HANDED, LEFT_HANDED_WALL } from "../../editor";

/** The one that draws. */
export type Hand = "left" | "right";

/** How one person works: their keys, and what a finger does. */
export interface Hands {
  readonly hand: Hand;
  /** What the person changed themselves, whatever the hand. */
  readonly keys: KeyChanges;
  /** On the review wall. */
  readonly wall: KeyChanges;
  readonly finger: FingerDraws;
}

export const DEFAULT_HANDS: Hands = { hand: "right", keys: {}, wall: {}, finger: "auto" };
const FINGERS: readonly string[] = ["auto", "always", "never"];

const LEFT = { keys: LEFT_HANDED, wall: LEFT_HANDED_WALL };

/**
 * Every change to the keys as they come: first the person's own, which win, then their hand's, which also serve who gave
 * a key away.
 */
export function changesOf(hands: Hands, map: "keys" | "wall"): KeyChanges {
  const own = hands[map];
  if (hands.hand === "right") return own;
  const given = Object.fromEntries(Object.entries(own).filter(([, chord]) => chord !== null));
  return { ...given, ...own, ...LEFT[map], ...given };
}

/** Until the hand was a choice of its own, these stood among the person's changes. */
const ONCE_LEFT = {
  keys: {
    ...LEFT_HANDED,
    s: ";",
    x: "/",
    tab: "\\",
    "mod+z": "backspace",
    "mod+shift+z": "shift+backspace",
    backspace: null,
  } as KeyChanges,
  wall: { x: "/", d: "l" } as KeyChanges,
};

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
  const { hand, keys, wall, finger } = stored as Record<string, unknown>;
  const own = { keys: parseKeys(keys), wall: parseKeys(wall) };
  const once = Object.entries(ONCE_LEFT.keys);
  // Some of them may have been changed since.
  const wasLeft =
    hand === undefined && once.filter(([from, to]) => own.keys[from] === to).length > once.length / 2;
  const withoutOnce = (map: "keys" | "wall") =>
    Object.fromEntries(Object.entries(own[map]).filter(([from, to]) => ONCE_LEFT[map][from] !== to));
  return {
    hand: wasLeft || hand === "left" ? "left" : "right",
    keys: wasLeft ? withoutOnce("keys") : own.keys,
    wall: wasLeft ? withoutOnce("wall") : own.wall,
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
