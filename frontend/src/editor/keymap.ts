import type { Action, Binding, KeyMap } from "./keyboard";

/** Where a person put keys: from the chord a binding has by default to theirs; null: no key. */
export type KeyChanges = Readonly<Record<string, string | null>>;

/** A binding that has no key by default stands in a key map under its action's name, which no key makes. */
const hasNoKey = (chord: string) => chord.startsWith("label.");

/**
 * For who draws with the left hand: what lies under the left hand goes under the right one. What lay there takes the
 * place that becomes free.
 */
export const LEFT_HANDED: KeyChanges = {
  b: "n",
  e: "i",
  f: "j",
  g: "k",
  s: ";",
  w: "u",
  x: "/",
  z: "m",
  "shift+z": "shift+m",
  tab: "\\",
  "mod+z": "backspace",
  "mod+shift+z": "shift+backspace",
  backspace: null,
};

/** The same for the wall: the other keys lie under the right hand already. */
export const LEFT_HANDED_WALL: KeyChanges = { x: "/", d: "l" };

/**
 * The keys of one person. A binding that is moved onto another's chord swaps places with it, so that a new version's
 * keys never take a key the person chose; where both were moved to one chord, the first in `base` has it.
 */
export function personalKeys(base: KeyMap, changes: KeyChanges): KeyMap {
  const map: Record<string, Binding> = {};
  /** Default chord of what sits on a chord by the person's choice. */
  const movedFrom = new Map<string, string>();
  for (const [chord, binding] of Object.entries(base)) {
    const to = changes[chord];
    if (!to || to === chord || map[to]) continue;
    map[to] = binding;
    movedFrom.set(to, chord);
  }
  for (const [chord, binding] of Object.entries(base)) {
    if (changes[chord] !== undefined && changes[chord] !== chord) continue;
    const free = [chord, movedFrom.get(chord)].find((place) => place !== undefined && !map[place]);
    if (free !== undefined) map[free] = binding;
  }
  return map;
}

/** Put a binding on a chord. What was there stays without a key until it gets one: the person is told first. */
export function moveKey(base: KeyMap, changes: KeyChanges, from: string, to: string): KeyChanges {
  const there = holderOf(base, changes, to);
  const moved: Record<string, string | null> = { ...changes, [from]: to };
  if (there !== null && there !== from) moved[there] = null;
  return moved;
}

/** Default chord of the binding that has this chord now; null where it is free. */
export function holderOf(base: KeyMap, changes: KeyChanges, chord: string): string | null {
  const binding = personalKeys(base, changes)[chord];
  return Object.keys(base).find((from) => binding !== undefined && base[from] === binding) ?? null;
}

/** The chord a binding has now, by its default chord; null: none. */
export function chordFor(base: KeyMap, changes: KeyChanges, from: string): string | null {
  const map = personalKeys(base, changes);
  return Object.keys(map).find((chord) => map[chord] === base[from] && !hasNoKey(chord)) ?? null;
}

/** The actions of a binding, the tapped one first. */
export function actionsOf({ tap, hold }: Binding): Action[] {
  return [tap, hold].filter((action): action is Action => action !== undefined);
}

const KEY_NAMES: Readonly<Record<string, string>> = {
  mod: "Ctrl",
  alt: "Alt",
  shift: "Shift",
  space: "Space",
  enter: "Enter",
  escape: "Esc",
  backspace: "Backspace",
  tab: "Tab",
  delete: "Delete",
  arrowleft: "←",
  arrowright: "→",
  arrowup: "↑",
  arrowdown: "↓",
};

/** "mod+shift+z" → "Ctrl Shift Z". `caps`: what stands on this keyboard's keys, by our name of the key. */
export function chordName(chord: string, caps: ReadonlyMap<string, string> = new Map()): string {
  if (chord === "shift+?") return "?";
  return chord
    .split("+")
    .map((key) => KEY_NAMES[key] ?? (caps.get(key) ?? key).toUpperCase())
    .join(" ");
}
