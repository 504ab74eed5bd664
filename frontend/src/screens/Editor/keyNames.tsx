import { useEffect, useState, useSyncExternalStore } from "react";
import { chordFor, chordName, type KeyChanges, type KeyMap } from "../../editor";

/** What stands on the keys that we know by their place, on this keyboard: `[` is "ü" in German. */
export function useKeyCaps(): ReadonlyMap<string, string> {
  const [caps, setCaps] = useState<ReadonlyMap<string, string>>(NO_CAPS);
  useEffect(() => {
    let gone = false;
    // Only some browsers tell, and only on https; elsewhere our own names stand.
    const { keyboard } = navigator as { keyboard?: { getLayoutMap(): Promise<Map<string, string>> } };
    void keyboard?.getLayoutMap().then((layout) => {
      if (gone) return;
      setCaps(capsOf(layout));
    });
    return () => {
      gone = true;
    };
  }, []);
  return caps;
}

/** A letter or one of `, . / [ ] = -` that stands there means itself: ours is printed elsewhere then, as in Dvorak. */
export function capsOf(layout: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map(
    PLACES.map(([name, code]) => {
      const cap = layout.get(code);
      return [name, !cap || /^[a-z,./[\]=-]$/.test(cap) ? name : cap];
    }),
  );
}

const NO_CAPS: ReadonlyMap<string, string> = new Map();
const PLACES = [
  ["[", "BracketLeft"],
  ["]", "BracketRight"],
  [",", "Comma"],
  [".", "Period"],
  ["/", "Slash"],
  ["-", "Minus"],
  ["=", "Equal"],
  [";", "Semicolon"],
  ["\\", "Backslash"],
  ["'", "Quote"],
] as const;

export const NO_KEY = "no key";

/** From a key as the screens name it by default ("B", "Ctrl Z") to this person's. */
let names: ReadonlyMap<string, string> = new Map();
const listeners = new Set<() => void>();

/** From now on keys are named as this person has them, by what stands on their keyboard. */
export function nameKeys(base: KeyMap, changes: KeyChanges, caps: ReadonlyMap<string, string>): void {
  names = new Map(
    Object.keys(base).map((from) => {
      const chord = chordFor(base, changes, from);
      return [chordName(from), chord === null ? NO_KEY : chordName(chord, caps)];
    }),
  );
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A hint: the person's key for one that a screen names by its default. */
export function KeyHint({ children }: { children: string }) {
  return <kbd>{useKeyName(children)}</kbd>;
}

/** The person's key for one that a screen names by its default; of several, with " / " between them, each. */
export function useKeyName(name: string): string {
  const nameOf = (one: string) => names.get(one) ?? one;
  return useSyncExternalStore(subscribe, () => name.split(" / ").map(nameOf).join(" / "));
}
