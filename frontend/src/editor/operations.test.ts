import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { squaredDistances, within } from "./distance";
import { blurred } from "./greys";
import { Labelmap, NOT_ANNOTATED } from "./labelmap";
import type { Operation } from "./operations";
import { Bench, drawn, text } from "./testing/support";

describe("operations on a label", () => {
  test("fill holes: what it encloses, not what opens to the outside", () => {
    const bench = new Bench(drawn("11111...", "1.1.1...", "111.1.2.", "...111.."));
    expect(bench.editor.operate(1, { kind: "fillHoles" })).toBe(true);
    expect(text(bench.map)).toEqual(["11111...", "11111...", "111.1.2.".replace(".1", "11"), "...111.."]);
  });

  test("remove islands below a size; pieces hold together through corners", () => {
    const bench = new Bench(drawn("11....1.", "..1....1", "......2.", "1......."));
    bench.editor.operate(1, { kind: "removeIslands", below: 3 });
    expect(text(bench.map)).toEqual(["11......", "..1.....", "......2.", "........"]);
  });

  test("keep largest", () => {
    const bench = new Bench(drawn("11....1.", "11...11.", ".....1..", "1......."));
    bench.editor.operate(1, { kind: "keepLargest" });
    expect(text(bench.map)).toEqual(["11......", "11......", "........", "........"]);
  });

  test("grow and shrink by pixels, round; the picture's border is no edge", () => {
    const bench = new Bench(drawn(".......", ".......", "...1...", ".......", "......."));
    bench.editor.operate(1, { kind: "grow", by: 2 });
    expect(text(bench.map)).toEqual(["...1...", "..111..", ".11111.", "..111..", "...1..."]);
    bench.editor.operate(1, { kind: "shrink", by: 1 });
    expect(text(bench.map)).toEqual([".......", "...1...", "..111..", "...1...", "......."]);
    const cut = new Bench(drawn("111.", "111.", "111."));
    cut.editor.operate(1, { kind: "shrink", by: 1 });
    expect(text(cut.map)).toEqual(["11..", "11..", "11.."]);
  });

  test("smooth takes a spike away and leaves a straight edge, cut by the border or not", () => {
    const bench = new Bench(
      drawn("........", "...1....", "........".replace(/./g, "1"), "1".repeat(8), "1".repeat(8)),
    );
    bench.editor.operate(1, { kind: "smooth", by: 1 });
    expect(text(bench.map)).toEqual(["........", "........", "11111111", "11111111", "11111111"]);
  });

  test("convert: its pixels become another label's", () => {
    const bench = new Bench(drawn("1.2", "117"));
    bench.editor.operate(1, { kind: "convert", to: 7 });
    expect(text(bench.map)).toEqual(["7.2", "777"]);
    bench.editor.setLocked(2, true);
    expect(bench.editor.operate(7, { kind: "convert", to: 2 })).toBe(false);
    expect(bench.editor.operate(2, { kind: "convert", to: 7 })).toBe(false);
  });

  test("a label that is not there, or read-only: nothing is done", () => {
    const bench = new Bench(drawn("22"));
    expect(bench.editor.operate(1, { kind: "grow", by: 3 })).toBe(false);
    bench.editor.setReadOnly(true);
    expect(bench.editor.operate(2, { kind: "convert", to: 1 })).toBe(false);
    expect(bench.editor.getState().canUndo).toBe(false);
  });

  test("in the middle of a stroke the stroke is a step of its own", () => {
    const bench = new Bench(drawn("1....", "....."));
    bench.down(4.5, 1.5);
    bench.editor.operate(1, { kind: "grow", by: 1 });
    expect(text(bench.map)).toEqual(["11..1", "1..11"]);
    bench.editor.undo();
    expect(text(bench.map)).toEqual(["1....", "....1"]);
    bench.editor.undo();
    expect(text(bench.map)).toEqual(["1....", "....."]);
  });
});

describe("copy a label from another frame", () => {
  test("it becomes what it is there; other labels stay, locked ones above all", () => {
    const other = drawn(".11.", ".11.", "2...");
    const bench = new Bench(drawn("1...", "..72", "...."));
    bench.editor.setLocked(7, true);
    expect(bench.editor.copyLabel(other, 1)).toBe(true);
    expect(text(bench.map)).toEqual([".11.", ".172", "...."]);
    bench.editor.undo();
    expect(text(bench.map)).toEqual(["1...", "..72", "...."]);
    expect(() => bench.editor.copyLabel(new Labelmap(3, 3), 1)).toThrow("3×3");
  });
});

describe("properties", () => {
  const WIDTH = 18;
  const HEIGHT = 12;
  const pixels = fc.array(fc.constantFrom(0, 0, 0, 1, 1, 1, 2, 7, NOT_ANNOTATED), {
    minLength: WIDTH * HEIGHT,
    maxLength: WIDTH * HEIGHT,
  });
  const size = fc.integer({ min: 1, max: 4 });
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    fc.constant({ kind: "fillHoles" as const }),
    fc.constant({ kind: "keepLargest" as const }),
    fc.record({ kind: fc.constant("removeIslands" as const), below: fc.integer({ min: 1, max: 30 }) }),
    fc.record({ kind: fc.constantFrom("smooth" as const, "grow" as const, "shrink" as const), by: size }),
    fc.record({ kind: fc.constant("convert" as const), to: fc.constantFrom(2, 7) }),
  );
  const rule = fc.constantFrom("all" as const, "background" as const, 7, 1);

  test("one undo step; only the label comes or goes; protected and not annotated pixels never change", () => {
    fc.assert(
      fc.property(pixels, operation, rule, fc.boolean(), (given, does, paintOver, isHidden) => {
        const bench = new Bench(new Labelmap(WIDTH, HEIGHT, Uint8Array.from(given)));
        if (isHidden) bench.editor.setHidden(2, true);
        else bench.editor.setLocked(2, true);
        bench.editor.setPaintOver(paintOver);
        const before = bench.map.clone();
        const isChanged = bench.editor.operate(1, does);
        const after = bench.map.clone();
        const wrong: string[] = [];
        for (let i = 0; i < after.data.length; i++) {
          const [was, is] = [before.data[i], after.data[i]];
          if (was === is) continue;
          if (was !== 1 && is !== 1) wrong.push(`${i} is of another label`);
          if (was === 2 || is === 2) wrong.push(`${i} is protected`);
          if (was === NOT_ANNOTATED || is === NOT_ANNOTATED) wrong.push(`${i} is not annotated`);
          if (typeof paintOver === "number" && was !== paintOver) wrong.push(`${i} is outside the rule`);
          if (paintOver === "background" && was !== 1 && was !== 0) wrong.push(`${i} is no background`);
          const loses =
            does.kind === "removeIslands" || does.kind === "keepLargest" || does.kind === "shrink";
          if (loses && is === 1) wrong.push(`${i} was won`);
          if ((does.kind === "grow" || does.kind === "fillHoles") && was === 1) wrong.push(`${i} was lost`);
        }
        expect(wrong).toEqual([]);
        expect(isChanged).toBe(!before.equals(after));
        bench.editor.undo();
        expect(bench.map.equals(before)).toBe(true);
        expect(bench.editor.getState().canUndo).toBe(false);
        bench.editor.redo();
        expect(bench.map.equals(after)).toBe(true);
      }),
      { seed: 51, numRuns: 400 },
    );
  });

  test("distances are those of a plain search", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 9 * 7, maxLength: 9 * 7 }), (given) => {
        const found = squaredDistances(Uint8Array.from(given), 9, 7);
        const inside = [...given.keys()].filter((i) => given[i] === 1);
        const expected = given.map((_, i) =>
          inside.reduce(
            (least, j) =>
              Math.min(least, ((i % 9) - (j % 9)) ** 2 + (Math.floor(i / 9) - Math.floor(j / 9)) ** 2),
            1e12,
          ),
        );
        expect([...found]).toEqual(expected);
      }),
      { seed: 52, numRuns: 200 },
    );
  });

  test("within a length is what the distances say", () => {
    const pixels = fc.array(fc.nat(1), { minLength: 63, maxLength: 63 });
    fc.assert(
      fc.property(pixels, fc.nat(12), (given, by) => {
        const region = Uint8Array.from(given);
        const wanted = Array.from(squaredDistances(region, 9, 7), (squared) => Number(squared <= by * by));
        expect([...within(region, by, 9, 7)]).toEqual(wanted);
      }),
    );
    expect([...within(Uint8Array.of(0, 0, 0), 5, 3, 1)]).toEqual([0, 0, 0]);
  });

  test("a piece is what a plain search reaches through edges and corners", () => {
    const pixels = fc.array(fc.nat(1), { minLength: 99, maxLength: 99 });
    fc.assert(
      fc.property(pixels, (given) => {
        const map = new Labelmap(11, 9, Uint8Array.from(given));
        const seen = new Set<number>();
        let largest: number[] = [];
        for (let start = 0; start < 99; start++) {
          if (!given[start] || seen.has(start)) continue;
          const piece = [start];
          seen.add(start);
          for (const i of piece)
            for (const [dx, dy] of [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [dx, dy]))) {
              const other = i + dx + 11 * dy;
              if (map.at((i % 11) + dx, Math.floor(i / 11) + dy) !== 1 || seen.has(other)) continue;
              seen.add(other);
              piece.push(other);
            }
          if (piece.length > largest.length) largest = piece;
        }
        const bench = new Bench(map.clone());
        bench.editor.operate(1, { kind: "keepLargest" });
        const kept = [...bench.map.data.keys()].filter((i) => bench.map.data[i] === 1);
        expect(kept).toEqual(largest.sort((a, b) => a - b));
      }),
    );
  });

  test("a blurred window is what the mean of its pixels is, cut at the picture's border", () => {
    const greys = fc.array(fc.nat(255), { minLength: 11 * 9, maxLength: 11 * 9 });
    fc.assert(
      fc.property(greys, fc.nat(10), fc.nat(8), fc.integer({ min: 0, max: 3 }), (given, x, y, radius) => {
        const box = { x, y, width: 11 - x, height: Math.min(4, 9 - y) };
        const found = blurred(Uint8Array.from(given), 11, 9, box, radius);
        const expected = Array.from({ length: box.width * box.height }, (_, i) => {
          const [cx, cy] = [x + (i % box.width), y + Math.floor(i / box.width)];
          const near = given.filter(
            (_grey, j) => Math.abs((j % 11) - cx) <= radius && Math.abs(Math.floor(j / 11) - cy) <= radius,
          );
          return Math.round(near.reduce((sum, grey) => sum + grey, 0) / near.length);
        });
        expect([...found]).toEqual(expected);
      }),
      { seed: 53, numRuns: 200 },
    );
  });
});
