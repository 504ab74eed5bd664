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
import { DEFAULT_HANDS, parseHands } from "./hands";
import { keyMapFor } from "./keys";
import { ACTION_WORDS, keyRows, wallRows } from "./keyWords";

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
    expect(chordFor(base, moveKey(base, moved, "b", "alt+2"), "label.2")).toBeNull();
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
    const stored = { keys: { b: "n", e: null }, wall: { x: "/" }, finger: "never" };
    expect(parseHands(JSON.stringify(stored))).toEqual(stored);
    expect(parseHands(JSON.stringify({ keys: { b: "n" }, finger: "never" }))).toEqual({
      keys: { b: "n" },
      wall: {},
      finger: "never",
    });
    for (const text of [null, "{", "7", '{"keys": 3, "finger": "toe"}'])
      expect(parseHands(text)).toEqual(DEFAULT_HANDS);
    expect(parseHands('{"keys": {"b": 7}}').keys).toEqual({});
  });
});
