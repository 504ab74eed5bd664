import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DIFFERENCE, isEmpty, NO_LAYERS, paintHeat, paintLayerLines, paintLayers } from "./layers";
import { paintLines } from "./lines";
import { paintOverlay } from "./overlay";
import { colorTables, parseColor, tinted, word } from "./palette";
import { drawn, LABELS } from "./testing/support";

const SHOWN = { opacity: 0.35, outlinesOnly: false, hidden: new Set<number>() };
const COLORS = colorTables(LABELS, SHOWN);

/** The words of a picture as text: "." nothing, else the letter of the word. */
function text(words: Uint32Array, width: number, letters: Map<number, string>): string[] {
  return Array.from({ length: words.length / width }, (_, y) =>
    Array.from({ length: width }, (_, x) => letters.get(words[y * width + x]) ?? "?").join(""),
  );
}

describe("lines at the screen's resolution", () => {
  const map = drawn("......", ".11...", ".1122.", "......");

  test("lie inside the label, along its pixels' sides, thin however large the pixels are", () => {
    const out = new Uint32Array(24 * 16);
    const style = { view: { scale: 4, x: 0, y: 0 }, width: 1 };
    paintLines(
      map,
      { x: 0, y: 0, width: 24, height: 16 },
      new Uint32Array(256).map((_, i) => i),
      style,
      out,
      24,
    );
    const shown = text(
      out,
      24,
      new Map([
        [0, "."],
        [1, "1"],
        [2, "2"],
      ]),
    );
    expect(shown).toEqual([
      "........................",
      "........................",
      "........................",
      "........................",
      "....11111111............",
      "....1......1............",
      "....1......1............",
      "....1......1............",
      "....1......122222222....",
      "....1......12......2....",
      "....1......12......2....",
      "....1111111122222222....",
      "........................",
      "........................",
      "........................",
      "........................",
    ]);
  });

  test("drawn box by box they are what they are drawn at once", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 63, maxLength: 63, max: 2 }),
        fc.double({ min: 1, max: 9, noNaN: true }),
        fc.double({ min: -20, max: 20, noNaN: true }),
        fc.integer({ min: 0, max: 39 }),
        fc.boolean(),
        (data, scale, at, cut, dashed) => {
          const any = drawn(...Array.from({ length: 7 }, () => "........."));
          any.data.set(data);
          const style = { view: { scale, x: at, y: -at }, width: 2, dashed };
          const whole = new Uint32Array(40 * 30);
          paintLines(any, { x: 0, y: 0, width: 40, height: 30 }, COLORS.outline, style, whole, 40);
          const parts = new Uint32Array(40 * 30);
          for (const [x, width] of [
            [0, cut],
            [cut, 40 - cut],
          ]) {
            const out = new Uint32Array(width * 30);
            paintLines(any, { x, y: 0, width, height: 30 }, COLORS.outline, style, out, width);
            for (let y = 0; y < 30; y++) parts.set(out.subarray(y * width, (y + 1) * width), y * 40 + x);
          }
          expect(parts).toEqual(whole);
        },
      ),
      { seed: 8, numRuns: 100 },
    );
  });

  test("an inner corner has no nick", () => {
    const bend = drawn("1111", "1111", "11..", "11..");
    const out = new Uint32Array(16 * 16);
    const one = new Uint32Array(256).fill(1, 1, 2);
    paintLines(
      bend,
      { x: 0, y: 0, width: 16, height: 16 },
      one,
      { view: { scale: 4, x: 0, y: 0 }, width: 1 },
      out,
      16,
    );
    expect(out[7 * 16 + 7]).toBe(1);
  });
});

describe("layers", () => {
  const current = drawn("1122..", "1122..");
  const other = drawn("1.222.", "1.22.7");
  const whole = (layers: Partial<typeof NO_LAYERS>, lines = true) => {
    const out = new Uint32Array(12).fill(0xdead);
    paintLayers({ ...NO_LAYERS, ...layers }, current, current.box, COLORS, lines, out, 6);
    return out;
  };

  test("none leave nothing, not even what was there", () => {
    expect(isEmpty(NO_LAYERS)).toBe(true);
    expect(whole({})).toEqual(new Uint32Array(12));
  });

  test("difference tells lost, won and other label apart", () => {
    const color = (name: keyof typeof DIFFERENCE) => word(...parseColor(DIFFERENCE[name]), 190);
    const letters = new Map([
      [0, "."],
      [color("lost"), "l"],
      [color("won"), "w"],
      [color("other"), "o"],
    ]);
    const shown = whole({ difference: { from: current, to: drawn("1.222.", "1.12.7") } });
    expect(text(shown, 6, letters)).toEqual([".l..w.", ".lo..w"]);
  });

  test("a proposal draws only what would change", () => {
    const shown = whole({ proposal: other });
    expect([...shown].map((pixel) => (pixel === 0 ? "." : "#")).join("")).toMatch(
      /^\.[.#]\.\.#\.\.[.#]\.\.\.#$/,
    );
    expect(whole({ proposal: current })).toEqual(new Uint32Array(12));
  });

  test("a part drawn again is the part of the whole", () => {
    const layers = { ...NO_LAYERS, proposal: other, ghost: other, onion: { previous: current, next: other } };
    const all = whole(layers);
    const out = new Uint32Array(6);
    paintLayers(layers, current, { x: 2, y: 0, width: 3, height: 2 }, COLORS, true, out, 3);
    for (let y = 0; y < 2; y++) for (let x = 0; x < 3; x++) expect(out[y * 3 + x]).toBe(all[y * 6 + x + 2]);
  });

  test("neighbours are outlines, past and future in different tints, and hidden labels stay hidden", () => {
    const past = whole({ onion: { previous: current, next: null } });
    const future = whole({ onion: { previous: null, next: current } });
    expect(past.some((pixel, i) => pixel !== 0 && pixel !== future[i])).toBe(true);
    const hidden = colorTables(LABELS, { ...SHOWN, hidden: new Set([1, 2, 7]) });
    const out = new Uint32Array(12);
    paintLayers({ ...NO_LAYERS, ghost: other }, current, current.box, hidden, true, out, 6);
    expect(out).toEqual(new Uint32Array(12));
  });

  test("zoomed in the lines are left to the lines canvas", () => {
    expect(whole({ ghost: other }, false)).toEqual(new Uint32Array(12));
    const out = new Uint32Array(24 * 8);
    const view = { scale: 4, x: 0, y: 0 };
    const box = { x: 0, y: 0, width: 24, height: 8 };
    paintLayerLines({ ...NO_LAYERS, ghost: other }, box, COLORS, view, 1, out, 24);
    expect(out.some((pixel) => pixel !== 0)).toBe(true);
  });

  test("heat: nothing where it is 0, densest at 1, the same from bytes and from shares", () => {
    const bytes = new Uint32Array(3);
    paintHeat({ width: 3, height: 1, data: Uint8Array.of(0, 128, 255) }, bytes);
    const shares = new Uint32Array(5);
    paintHeat({ width: 5, height: 1, data: Float32Array.of(0, 128 / 255, 1, -3, 9) }, shares);
    expect(bytes[0]).toBe(0);
    expect([...shares]).toEqual([...bytes, bytes[0], bytes[2]]);
    const alpha = [...new Uint8Array(bytes.buffer)].filter((_, i) => i % 4 === 3);
    expect(alpha[1]).toBeGreaterThan(0);
    expect(alpha[2]).toBeGreaterThan(alpha[1]);
  });
});

describe("single labels", () => {
  test("have a strength of their own, on top of the opacity", () => {
    const { fill, outline } = colorTables(LABELS, { ...SHOWN, strengths: new Map([[1, 0.5]]) });
    expect(fill[1] >>> 24).toBe(Math.round(0.35 * 0.5 * 255));
    expect(outline[1] >>> 24).toBe(128);
    expect(fill[2]).toBe(COLORS.fill[2]);
  });

  test("the highlighted one stands out, the others step back, hidden ones stay hidden", () => {
    const { fill, outline } = colorTables(LABELS, { ...SHOWN, hidden: new Set([7]), highlighted: 1 });
    expect(fill[1] >>> 24).toBeGreaterThan(COLORS.fill[1] >>> 24);
    expect(fill[2] >>> 24).toBeLessThan(COLORS.fill[2] >>> 24);
    expect(outline[2] >>> 24).toBeLessThan(255);
    expect(outline[7]).toBe(0);
  });

  test("a table without neighbours is drawn the same as one with, where outline is fill", () => {
    const map = drawn("1122", "1.27");
    const slow = new Uint32Array(8);
    paintOverlay(map, map.box, { fill: COLORS.fill, outline: COLORS.fill.slice() }, slow, 4);
    const fast = new Uint32Array(8);
    paintOverlay(map, map.box, { fill: COLORS.fill, outline: COLORS.fill }, fast, 4);
    expect(fast).toEqual(slow);
  });

  test("a tint keeps nothing as nothing and goes all the way at 1", () => {
    const table = Uint32Array.of(0, word(10, 20, 30, 255));
    expect([...tinted(table, "#ffffff", 1, 99)]).toEqual([0, word(255, 255, 255, 99)]);
    expect([...tinted(table, "#ffffff", 0, 255)]).toEqual([...table]);
  });
});
