import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Labelmap } from "./labelmap";
import { difference, merge, resolve, type Side } from "./merge";
import { drawn, text } from "./testing/support";

const [WIDTH, HEIGHT] = [9, 7];
const maps = fc
  .uint8Array({ minLength: WIDTH * HEIGHT, maxLength: WIDTH * HEIGHT, max: 3 })
  .map((pixels) => new Labelmap(WIDTH, HEIGHT, Uint8Array.from(pixels)));

describe("a merge of two maps that grew from one", () => {
  test("takes what either side changed", () => {
    const parent = drawn("111...", "111...");
    const { map, overlaps, onlyMine, onlyTheirs } = merge(
      parent,
      drawn("2.1...", "111..."),
      drawn("111..3", "111..3"),
    );
    expect(text(map)).toEqual(["2.1..3", "111..3"]);
    expect([overlaps.length, onlyMine, onlyTheirs]).toEqual([0, 2, 2]);
  });

  test("asks once for each place that both changed differently, the largest first", () => {
    const parent = drawn("......", "......");
    const [mine, theirs] = [drawn("1...11", "....1."), drawn("2...22", "....22")];
    const merged = merge(parent, mine, theirs);
    expect(merged.overlaps.map(({ pixels, box }) => [pixels.length, box.x])).toEqual([
      [3, 4],
      [1, 0],
    ]);
    expect(text(merged.map)).toEqual(["......", ".....2"]);
    expect(text(resolve(merged, mine, theirs, ["mine", "theirs"]))).toEqual(["2...11", "....12"]);
  });

  test("an unchanged side leaves the other as it is; merging is the same from both sides", () => {
    fc.assert(
      fc.property(maps, maps, maps, (parent, mine, theirs) => {
        expect(merge(parent, mine, parent).map.equals(mine)).toBe(true);
        expect(merge(parent, parent, theirs).map.equals(theirs)).toBe(true);
        expect(merge(parent, mine, mine).map.equals(mine)).toBe(true);
        const [ours, seenByThem] = [merge(parent, mine, theirs), merge(parent, theirs, mine)];
        expect(ours.map.equals(seenByThem.map)).toBe(true);
        expect(ours.onlyMine).toBe(seenByThem.onlyTheirs);
      }),
    );
  });

  test("every pixel is of a side that changed it, or the parent's where neither did", () => {
    fc.assert(
      fc.property(maps, maps, maps, fc.infiniteStream(fc.boolean()), (parent, mine, theirs, coin) => {
        const merged = merge(parent, mine, theirs);
        const choices = merged.overlaps.map((): Side => (coin.next().value ? "mine" : "theirs"));
        const { data } = resolve(merged, mine, theirs, choices);
        for (let at = 0; at < data.length; at++) {
          const changed = [mine.data[at], theirs.data[at]].filter((label) => label !== parent.data[at]);
          expect(changed.length > 0 ? changed : [parent.data[at]]).toContain(data[at]);
        }
      }),
    );
  });

  test("overlaps are all contested pixels, each in one; choosing one side for all is that side there", () => {
    fc.assert(
      fc.property(maps, maps, maps, (parent, mine, theirs) => {
        const merged = merge(parent, mine, theirs);
        const places = merged.overlaps.flatMap(({ pixels }) => [...pixels]);
        const contested = [...parent.data.keys()].filter((at) => {
          const three = new Set([parent.data[at], mine.data[at], theirs.data[at]]);
          return three.size === 3;
        });
        expect(places.toSorted((a, b) => a - b)).toEqual(contested);
        const allMine = resolve(
          merged,
          mine,
          theirs,
          merged.overlaps.map(() => "mine"),
        );
        for (const at of contested) expect(allMine.data[at]).toBe(mine.data[at]);
        expect(difference(allMine, mine)).toBe(merged.onlyTheirs);
      }),
    );
  });

  test("maps of other sizes are refused in words", () => {
    expect(() => merge(drawn("1"), drawn("11"), drawn("1"))).toThrow("1×1 and 2×1");
  });
});
