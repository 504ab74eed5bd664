import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Action,
  actionsOf,
  chordFor,
  DEFAULT_KEYS,
  moveKey,
  personalKeys,
  WALL_KEYS,
} from "../../editor";
import { changesOf, DEFAULT_HANDS, type Hands, parseHands } from "./hands";
import { keyMapFor } from "./keys";
import { ACTION_WORDS, browserUse, keyRows, PAGE_KEYS, wallRows } from "./keyWords";

describe("keyMapFor", () => {
  it("binds each label's own digit to its place in the list", () => {
    const map = keyMapFor([{ key: "3" }, { key: "" }, { key: "0" }]);
    expect(map["3"]).toEqual({ tap: "label.1" });
    expect(map["0"]).toEqual({ tap: "label.3", hold: "view.fit", late: true });
  });
  it("leaves digits of no label without a meaning, but 0 still fits when held", () => {
    const map = keyMapFor([{ key: "3" }]);
    expect(map["1"]).toBeUndefined();
    expect(map["0"]).toEqual({ hold: "view.fit", late: true });
  });
  it("gives a digit that two labels claim to the first of them", () => {
    expect(keyMapFor([{ key: "2" }, { key: "2" }])["2"]).toEqual({ tap: "label.1" });
  });
  it("lets a label without a digit be given a key; until then it has none", () => {
    const base = keyMapFor([{ key: "1" }, { key: "" }]);
    expect(chordFor(base, {}, "label.2")).toBeNull();
    expect(keyRows(base, [{ name: "dura" }, { name: "lamina" }]).at(-1)).toMatchObject({ words: "lamina" });
    const moved = moveKey(base, {}, "label.2", "alt+2");
    expect(chordFor(base, moved, "label.2")).toBe("alt+2");
    expect(personalKeys(base, moved)["alt+2"]).toEqual({ tap: "label.2" });
    expect(chordFor(base, { ...moved, ...moveKey(base, moved, "b", "alt+2") }, "label.2")).toBeNull();
  });
  it("leaves all other keys alone", () => {
    expect(keyMapFor([]).b).toEqual({ tap: "tool.brush" });
  });
});

describe("keyRows", () => {
  it("has words for every key, and the labels' names", () => {
    const rows = keyRows(keyMapFor([{ key: "3" }]), [{ name: "lamina" }]);
    expect(rows.find((row) => row.from === "3")?.words).toBe("lamina");
    expect(rows.find((row) => row.from === "space")?.words).toBe("Play and stop; Pan while held");
    expect(rows.every((row) => row.words.length > 0)).toBe(true);
  });
});

describe("wallRows", () => {
  it("lists every key of the wall, in its own group, with words", () => {
    const rows = wallRows();
    expect(rows.map(({ from }) => from).sort()).toEqual(Object.keys(WALL_KEYS).sort());
    for (const { map, group, words } of rows) {
      expect([map, group]).toEqual(["wall", "Review wall"]);
      expect(words).not.toBe("");
    }
  });
  it("together with the editor's, every action that has words has a key, but submitting alone", () => {
    const bound = [DEFAULT_KEYS, WALL_KEYS].flatMap((map) => Object.values(map).flatMap(actionsOf));
    const unbound = Object.keys(ACTION_WORDS).filter((action) => !bound.includes(action as Action));
    expect(unbound).toEqual(["frame.submit"]);
  });
});

describe("parseHands", () => {
  it("reads what was stored, and nothing that makes no sense", () => {
    const stored = { hand: "left", keys: { b: "n", e: null }, wall: { x: "/" }, finger: "never" };
    expect(parseHands(JSON.stringify(stored))).toEqual(stored);
    expect(parseHands(JSON.stringify({ keys: { b: "n" }, finger: "never" }))).toEqual({
      hand: "right",
      keys: { b: "n" },
      wall: {},
      finger: "never",
    });
    for (const text of [null, "{", "7", '{"keys": 3, "finger": "toe", "hand": "third"}'])
      expect(parseHands(text)).toEqual(DEFAULT_HANDS);
    expect(parseHands('{"keys": {"b": 7}}').keys).toEqual({});
  });

  const ONCE = {
    ...{ b: "n", e: "i", f: "j", g: "k", s: ";", w: "u", x: "/", z: "m", "shift+z": "shift+m", tab: "\\" },
    ...{ "mod+z": "backspace", "mod+shift+z": "shift+backspace", backspace: null },
  };
  it("knows the left-handed map where it was stored as a person's changes", () => {
    const stored = { keys: ONCE, wall: { x: "/", d: "l" }, finger: "always" };
    expect(parseHands(JSON.stringify(stored))).toEqual({ ...DEFAULT_HANDS, hand: "left", finger: "always" });
  });
  it("… also with changes of their own, which stay", () => {
    const stored = { keys: { ...ONCE, b: "q", q: null }, wall: { x: "/", d: "l", y: "u" } };
    expect(parseHands(JSON.stringify(stored))).toMatchObject({
      hand: "left",
      keys: { b: "q", q: null },
      wall: { y: "u" },
    });
  });
});

describe("the hand that draws", () => {
  const place = (hands: Hands, from: string) =>
    chordFor(keyMapFor([], hands.hand), changesOf(hands, "keys"), from);
  const left: Hands = { ...DEFAULT_HANDS, hand: "left" };

  it("has its own keys below a person's own, which stay when the hand changes", () => {
    const own = { keys: { p: "alt+q", o: "n" } };
    for (const hands of [left, DEFAULT_HANDS]) {
      expect(place({ ...hands, ...own }, "p")).toBe("alt+q");
      expect(place({ ...hands, ...own }, "o")).toBe("n");
    }
    expect(place(left, "b")).toBe("n");
    expect(place({ ...left, ...own }, "b")).toBe("b"); // n was taken by the person
  });
  it("gives its own key to what has none with the other", () => {
    const own = { keys: { p: "b", b: null } };
    expect(place({ ...DEFAULT_HANDS, ...own }, "b")).toBeNull();
    expect(place({ ...left, ...own }, "b")).toBe("n");
  });
  it("can be left for one key that a person puts back", () => {
    const own = { keys: { b: "b", n: null } };
    expect(place({ ...left, ...own }, "b")).toBe("b");
    expect(place({ ...left, ...own }, "n")).toBe("n");
  });
  it("never costs anybody their key, whatever was changed under either hand", () => {
    const base = keyMapFor([], "left");
    const froms = Object.keys(base);
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.constantFrom(...froms), fc.constantFrom(...froms, "alt+q", "alt+j"), fc.boolean()),
        ),
        (moves) => {
          let hands: Hands = DEFAULT_HANDS;
          for (const [from, to, isLeft] of moves) {
            hands = { ...hands, hand: isLeft ? "left" : "right" };
            const moved = moveKey(keyMapFor([], hands.hand), changesOf(hands, "keys"), from, to);
            hands = { ...hands, keys: { ...hands.keys, ...moved } };
            if (from in keyMapFor([], hands.hand)) expect(place(hands, from)).toBe(to);
          }
          for (const hand of ["left", "right"] as const)
            for (const from of Object.keys(keyMapFor([], hand)))
              if (hands.keys[from] !== null) expect(place({ ...hands, hand }, from)).not.toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("browserUse", () => {
  it.each([
    "f5",
    "mod+f5",
    "alt+f4",
    "mod+r",
    "mod+l",
    "mod+w",
    "mod+t",
    "mod+n",
    "mod+d",
    "mod+f",
    "mod+p",
    "shift+tab",
  ])("nobody is given %s", (chord) => expect(browserUse(chord, "keys")).not.toBeNull());
  it("keeps Tab on the wall, which has no picture to press it on", () => {
    expect(browserUse("tab", "wall")).not.toBeNull();
    expect(browserUse("tab", "keys")).toBeNull();
  });
  it("keeps nothing that is bound as the keys come", () => {
    for (const hand of ["left", "right"] as const) {
      const hands: Hands = { ...DEFAULT_HANDS, hand };
      for (const chord of Object.keys(personalKeys(keyMapFor([], hand), changesOf(hands, "keys"))))
        expect([chord, browserUse(chord, "keys")]).toEqual([chord, null]);
      for (const chord of Object.keys(personalKeys(WALL_KEYS, changesOf(hands, "wall"))))
        expect([chord, browserUse(chord, "wall"), PAGE_KEYS.has(chord)]).toEqual([chord, null, false]);
    }
  });
});
