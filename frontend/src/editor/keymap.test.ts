import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chordOf, DEFAULT_KEYS, Keyboard, type KeyEvent, WALL_KEYS } from "./keyboard";
import {
  chordFor,
  chordName,
  holderOf,
  type KeyChanges,
  LEFT_HANDED,
  LEFT_HANDED_WALL,
  moveKey,
  personalKeys,
} from "./keymap";

const CHORDS = Object.keys(DEFAULT_KEYS);
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
    const back = moveKey(DEFAULT_KEYS, moved, "e", "b");
    expect(chordFor(DEFAULT_KEYS, back, "e")).toBe("b");
  });

  test("the left-handed map keeps every action reachable but the one undo does as well", () => {
    const map = personalKeys(DEFAULT_KEYS, LEFT_HANDED);
    const lost = Object.values(DEFAULT_KEYS).filter((binding) => !Object.values(map).includes(binding));
    expect(lost).toEqual([{ tap: "stepBack" }]);
    expect(map.n).toEqual({ tap: "tool.brush" });
    expect(map.backspace.tap).toBe("undo");
  });

  test("the left-handed map keeps every key of the wall", () => {
    const bindings = Object.values(personalKeys(WALL_KEYS, LEFT_HANDED_WALL));
    expect(new Set(bindings)).toEqual(new Set(Object.values(WALL_KEYS)));
    expect(chordFor(WALL_KEYS, LEFT_HANDED_WALL, "x")).toBe("/");
  });

  test("chords in words", () => {
    expect(chordName("mod+shift+z")).toBe("Ctrl Shift Z");
    expect(chordName("shift+?")).toBe("?");
    expect(chordName("[", new Map([["[", "ü"]]))).toBe("Ü");
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
    ["the left hand's scissors are beside L", key("ö", "Semicolon"), ";"],
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
