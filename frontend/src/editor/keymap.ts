import type { Action, Binding, KeyMap } from "./keyboard";

/** Where a person put keys: from the chord a binding has by default to theirs; null: no key. */
export type KeyChanges = Readonly<Record<string, string | null>>;

/** A binding that has no key by default stands in a key map under its action's name, which no key makes. */
const hasNoKey = (chord: string) => chord.startsWith("label.");

/**
 * For who draws with the left hand: what lies under the left hand goes under the right one. What lay there takes the
 * place that becomes free. `;` and `/` are no places for them: a French keyboard has M there, a German one the minus.
 */
export const LEFT_HANDED: KeyChanges = {
  b: "n",
  e: "i",
  f: "j",
  g: "k",
  s: "'",
  w: "u",
  x: "\\",
  z: "m",
  "shift+z": "shift+m",
  tab: "shift+j",
};

/** Undo under the right hand, beside `Ctrl Z`; it takes the last press back as well. */
export const LEFT_HANDED_UNDO: KeyMap = {
  backspace: { tap: "undo", repeats: true },
  "shift+backspace": { tap: "redo", repeats: true },
};

/** The same for the wall: the other keys lie under the right hand already. */
export const LEFT_HANDED_WALL: KeyChanges = { x: "m", d: "l" };

/**
 * The keys of one person. A binding that is moved onto another's chord swaps places with it, so that a new version's
 * keys never take a key the person chose; where two were moved to one chord, the first in `changes` has it. Who gave a
 * key away (null) has none until its default is free.
 */
export function personalKeys(base: KeyMap, changes: KeyChanges): KeyMap {
  const map: Record<string, Binding> = {};
  /** Default chord of what was moved to a chord. */
  const movedFrom = new Map<string, string>();
  for (const [from, to] of Object.entries(changes)) {
    if (!to || !base[from] || map[to]) continue;
    map[to] = base[from];
    movedFrom.set(to, from);
  }
  const moved = new Set(movedFrom.values());
  const rest = Object.keys(base).filter((from) => !moved.has(from));
  for (const from of rest.filter((from) => changes[from] !== null)) {
    // Where the taker came from, and the taker of that place: the way ends, as nobody moved to two chords.
    let place: string | undefined = from;
    while (place !== undefined && map[place]) place = movedFrom.get(place);
    if (place !== undefined) map[place] = base[from];
  }
  for (const from of rest) if (changes[from] === null) map[from] ??= base[from];
  return map;
}

/** What changes when a binding is put on a chord. What was there gives it away: the person is told first. */
export function moveKey(base: KeyMap, changes: KeyChanges, from: string, to: string): KeyChanges {
  const there = holderOf(base, changes, to);
  return there !== null && there !== from ? { [from]: to, [there]: null } : { [from]: to };
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
    .map((key) => {
      const cap = caps.get(key) ?? key;
      return KEY_NAMES[key] ?? (cap === "ß" ? cap : cap.toUpperCase()); // which would be SS
    })
    .join(" ");
}
