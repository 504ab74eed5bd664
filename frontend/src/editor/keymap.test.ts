import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { capsOf } from "../screens/Editor/keyNames";
import { chordOf, DEFAULT_KEYS, Keyboard, type KeyEvent, WALL_KEYS } from "./keyboard";
import {
  actionsOf,
  chordFor,
  chordName,
  holderOf,
  type KeyChanges,
  LEFT_HANDED,
  LEFT_HANDED_UNDO,
  LEFT_HANDED_WALL,
  moveKey,
  personalKeys,
} from "./keymap";

const CHORDS = Object.keys(DEFAULT_KEYS);
const LEFT_BASE = { ...DEFAULT_KEYS, ...LEFT_HANDED_UNDO };
const changes: fc.Arbitrary<KeyChanges> = fc.dictionary(
  fc.constantFrom(...CHORDS),
  fc.option(fc.constantFrom(...CHORDS, "k", "alt+q", "shift+u")),
);

describe("one person's keys", () => {
  test("nothing changed is the default", () => {
    expect(personalKeys(DEFAULT_KEYS, {})).toEqual(DEFAULT_KEYS);
  });

  test("a moved binding is found under its new key; what was there takes its place", () => {
    const map = personalKeys(DEFAULT_KEYS, { b: "e" });
    expect(map.e).toEqual({ tap: "tool.brush" });
    expect(map.b).toEqual({ tap: "tool.eraser" });
  });

  test("every binding has at most one key and no key two bindings, whatever was stored", () => {
    fc.assert(
      fc.property(changes, (chosen) => {
        const bindings = Object.values(personalKeys(DEFAULT_KEYS, chosen));
        expect(new Set(bindings).size).toBe(bindings.length);
        for (const binding of bindings) expect(Object.values(DEFAULT_KEYS)).toContain(binding);
      }),
    );
  });

  test("taking a key leaves who had it without one, and says beforehand who that is", () => {
    expect(holderOf(DEFAULT_KEYS, {}, "e")).toBe("e");
    expect(holderOf(DEFAULT_KEYS, {}, "alt+q")).toBeNull();
    const moved = moveKey(DEFAULT_KEYS, {}, "b", "e");
    expect(chordFor(DEFAULT_KEYS, moved, "b")).toBe("e");
    expect(chordFor(DEFAULT_KEYS, moved, "e")).toBeNull();
    const back = { ...moved, ...moveKey(DEFAULT_KEYS, moved, "e", "b") };
    expect(chordFor(DEFAULT_KEYS, back, "e")).toBe("b");
  });

  test("who gave a key away has it back once it is free", () => {
    const away = { b: "e", e: null };
    const free = { ...away, ...moveKey(DEFAULT_KEYS, away, "b", "alt+q") };
    expect(chordFor(DEFAULT_KEYS, free, "e")).toBe("e");
  });

  test("nobody is without a key who gave none away, whatever else was moved", () => {
    fc.assert(
      fc.property(changes, (chosen) => {
        for (const from of CHORDS)
          if (chosen[from] !== null) expect(chordFor(DEFAULT_KEYS, chosen, from)).not.toBeNull();
      }),
    );
  });

  test("the left-handed map keeps every action reachable but the one undo does as well, and Ctrl Z", () => {
    const map = personalKeys(LEFT_BASE, LEFT_HANDED);
    const lost = Object.values(DEFAULT_KEYS).filter((binding) => !Object.values(map).includes(binding));
    expect(lost).toEqual([{ tap: "stepBack" }]);
    expect(map.n).toEqual({ tap: "tool.brush" });
    for (const chord of ["mod+z", "backspace"]) expect(map[chord].tap).toBe("undo");
    for (const chord of ["mod+shift+z", "mod+y", "shift+backspace"]) expect(map[chord].tap).toBe("redo");
  });

  test("the left-handed map keeps every key of the wall", () => {
    const bindings = Object.values(personalKeys(WALL_KEYS, LEFT_HANDED_WALL));
    expect(new Set(bindings)).toEqual(new Set(Object.values(WALL_KEYS)));
    expect(chordFor(WALL_KEYS, LEFT_HANDED_WALL, "x")).toBe("m");
  });

  test("chords in words", () => {
    expect(chordName("mod+shift+z")).toBe("Ctrl Shift Z");
    expect(chordName("shift+?")).toBe("?");
    expect(chordName("[", new Map([["[", "ü"]]))).toBe("Ü");
    expect(chordName("-", new Map([["-", "ß"]]))).toBe("ß");
  });
});

describe("keyboards that are not American", () => {
  const key = (key: string, code: string, more: Partial<KeyEvent> = {}): KeyEvent => ({
    key,
    code,
    ctrlKey: false,
    metaKey: false,
    shiftKey: false,
    altKey: false,
    repeat: false,
    timeStamp: 0,
    ...more,
  });

  test.each([
    ["German brackets are where the American ones are", key("ü", "BracketLeft"), "["],
    [
      "… and where they are printed, with AltGr",
      key("[", "Digit8", { ctrlKey: true, altKey: true, getModifierState: (name) => name === "AltGraph" }),
      "[",
    ],
    ["zoom is beside Backspace on a German keyboard too", key("ß", "Minus"), "-"],
    ["… also with a dead key there", key("Dead", "Equal"), "="],
    ["the numeric pad zooms", key("+", "NumpadAdd"), "="],
    ["the left hand's scissors are two beside L", key("ä", "Quote"), "'"],
    ["a Dvorak slash is no [", key("/", "BracketLeft"), "/"],
    ["the French comma is no M", key(",", "KeyM"), ","],
    ["a German ? is Shift ß", key("?", "Minus", { shiftKey: true }), "shift+?"],
    ["a Greek letter is the Latin one in its place", key("β", "KeyB"), "b"],
    ["Caps Lock changes nothing", key("B", "KeyB"), "b"],
    ["a Mac's Option N is dead", key("Dead", "KeyN", { altKey: true }), "alt+n"],
    ["… Option L is @ on a German Mac", key("@", "KeyL", { altKey: true }), "alt+l"],
    [
      "… and AltGraph in Firefox",
      key("≤", "Comma", { altKey: true, getModifierState: (name) => name === "AltGraph" }),
      "alt+,",
    ],
    ["a French A is where Q was, with Alt too", key("a", "KeyQ", { altKey: true }), "alt+a"],
    ["a French comma with Alt is no M", key(",", "KeyM", { altKey: true }), "alt+,"],
    ["a Dvorak [ is no minus", key("[", "Minus"), "["],
    ["… nor with Shift", key("{", "Minus", { shiftKey: true }), "shift+["],
    ["a Dvorak comma is W's place, with Shift too", key("<", "KeyW", { shiftKey: true }), "shift+,"],
    ["a German minus is beside the full stop", key("-", "Slash"), "-"],
    ["a German plus stays the larger brush", key("+", "BracketRight"), "]"],
    ["a French minus is the digit 6", key("-", "Digit6"), "6"],
    [
      "a French full stop needs Shift, and is the comma's place",
      key(".", "Comma", { shiftKey: true }),
      "shift+,",
    ],
    ["the numeric pad has labels", key("4", "Numpad4"), "4"],
    ["… and arrows without NumLock", key("ArrowLeft", "Numpad4"), "arrowleft"],
  ])("%s", (_, event, chord) => {
    expect(chordOf(event)).toBe(chord);
  });

  test.each([
    ["American", key("*", "Digit8", { shiftKey: true })],
    ["German", key("*", "BracketRight", { shiftKey: true })],
    ["numeric", key("*", "NumpadMultiply")],
  ])("* picks all on the wall: %s", (_, event) => {
    const done: string[] = [];
    new Keyboard((action) => done.push(action), WALL_KEYS).onKeyDown(event);
    expect(done).toEqual(["wall.pickAll"]);
  });

  test.each([
    ["American", key("+", "Equal", { shiftKey: true }), "view.zoomIn"],
    ["Dvorak", key("+", "BracketRight", { shiftKey: true }), "view.zoomIn"],
    ["Swiss", key("+", "Digit1", { shiftKey: true }), "view.zoomIn"],
    ["German, where it is the place of ]", key("+", "BracketRight"), "brush.larger"],
    ["with Ctrl, which zooms the page", key("+", "Equal", { shiftKey: true, ctrlKey: true }), undefined],
  ])("+ zooms in: %s", (_, event, action) => {
    const done: string[] = [];
    new Keyboard((action) => done.push(action)).onKeyDown(event);
    expect(done[0]).toBe(action);
  });
});

/** What the keys print, alone and with Shift, by place. Keys that print the same everywhere are added below. */
const row = (codes: string, plain: string, shifted: string) =>
  codes.split(" ").map((code, at) => [code, [...plain][at], [...shifted][at]] as const);
const DIGITS = "Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal";
const TOP = "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight";
const HOME = "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backslash";
const BOTTOM = "KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash";
/** A dead key. */
const DEAD = "†";
const layout = (...rows: readonly (readonly [plain: string, shifted: string])[]) =>
  [DIGITS, TOP, HOME, BOTTOM].flatMap((codes, at) => row(codes, ...rows[at]));
const LAYOUTS = {
  American: layout(
    ["1234567890-=", "!@#$%^&*()_+"],
    ["qwertyuiop[]", "QWERTYUIOP{}"],
    ["asdfghjkl;'\\", 'ASDFGHJKL:"|'],
    ["zxcvbnm,./", "ZXCVBNM<>?"],
  ),
  British: layout(
    ["1234567890-=", '!"£$%^&*()_+'],
    ["qwertyuiop[]", "QWERTYUIOP{}"],
    ["asdfghjkl;'#", "ASDFGHJKL:@~"],
    ["zxcvbnm,./", "ZXCVBNM<>?"],
  ),
  German: layout(
    [`1234567890ß${DEAD}`, `!"§$%&/()=?${DEAD}`],
    ["qwertzuiopü+", "QWERTZUIOPÜ*"],
    ["asdfghjklöä#", "ASDFGHJKLÖÄ'"],
    ["yxcvbnm,.-", "YXCVBNM;:_"],
  ),
  French: layout(
    ["&é\"'(-è_çà)=", "1234567890°+"],
    [`azertyuiop${DEAD}$`, `AZERTYUIOP${DEAD}£`],
    ["qsdfghjklmù*", "QSDFGHJKLM%µ"],
    ["wxcvbn,;:!", "WXCVBN?./§"],
  ),
  Dvorak: layout(
    ["1234567890[]", "!@#$%^&*(){}"],
    ["',.pyfgcrl/=", '"<>PYFGCRL?+'],
    ["aoeuidhtns-\\", "AOEUIDHTNS_|"],
    [";qjkxbmwvz", ":QJKXBMWVZ"],
  ),
};
const NAMED = "Enter Escape Backspace Tab ArrowLeft ArrowRight ArrowUp ArrowDown".split(" ");

describe.each(Object.entries(LAYOUTS))("on a keyboard that is %s", (name, places) => {
  const plain: KeyEvent = {
    key: " ",
    code: "Space",
    ctrlKey: false,
    metaKey: false,
    shiftKey: false,
    altKey: false,
    repeat: false,
    timeStamp: 0,
  };
  const presses = [...places, ...[" ", ...NAMED].map((key) => [key.trim() || "Space", key, key] as const)]
    .flatMap(([code, bare, shifted]) => [
      { ...plain, code, key: bare },
      { ...plain, code, key: shifted, shiftKey: true },
    ])
    .map((press) => (press.key === DEAD ? { ...press, key: "Dead" } : press))
    .flatMap((press) => [press, { ...press, ctrlKey: true }, { ...press, altKey: true }]);
  const caps = capsOf(new Map(places.map(([code, bare]) => [code, bare])));

  test.each([
    ["right", DEFAULT_KEYS, {}],
    ["left", LEFT_BASE, LEFT_HANDED],
    ["right, on the wall", WALL_KEYS, {}],
    ["left, on the wall", WALL_KEYS, LEFT_HANDED_WALL],
  ])("every key of the hand can be pressed, and no two have one name: %s", (_, base, hand) => {
    const map = personalKeys(base, hand);
    const heard = presses.flatMap((press) => {
      const done: string[] = [];
      const keyboard = new Keyboard((action) => done.push(action), map);
      keyboard.onKeyDown(press);
      keyboard.onKeyUp({ ...press, timeStamp: 1 });
      return done;
    });
    const actions = Object.values(map).flatMap(actionsOf);
    // Held only: 0 tapped is a label.
    expect(new Set(heard)).toEqual(new Set(actions.filter((action) => action !== "view.fit")));
    const names = Object.keys(map).map((chord) => chordName(chord, caps));
    expect(new Set(names).size).toBe(names.length);
  });

  test("a key does what its name says", () => {
    const map = personalKeys(LEFT_BASE, LEFT_HANDED);
    for (const chord of Object.keys({ ...DEFAULT_KEYS, ...map })) {
      const key = chord.split("+").at(-1) as string;
      const place = places.find(([, bare]) => bare === (caps.get(key) ?? key));
      if (!place || /^[0-9]$/.test(key)) continue;
      const [code, bare, shifted] = place;
      const shiftKey = chord.includes("shift+");
      const press = { ...plain, code, key: shiftKey ? shifted : bare, shiftKey };
      expect([
        name,
        chordOf({ ...press, ctrlKey: chord.includes("mod+"), altKey: chord.includes("alt+") }),
      ]).toEqual([name, chord]);
    }
  });
});
