import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readView } from "../screens/Editor/useRememberedView";
import { changed, DISPLAY_RANGE, equalize, isPlain, lookUp, PLAIN, shrink } from "./display";

/** The grey of each of 256 stored values, and that it is an opaque grey. */
function greys(display = PLAIN): number[] {
  const bytes = new Uint8Array(lookUp(display).buffer);
  return Array.from({ length: 256 }, (_, value) => {
    const [red, green, blue, alpha] = bytes.subarray(4 * value, 4 * value + 4);
    expect([green, blue, alpha]).toEqual([red, red, 255]);
    return red;
  });
}

describe("display", () => {
  test("plain shows what is stored", () => {
    expect(greys()).toEqual(Array.from({ length: 256 }, (_, i) => i));
    expect(isPlain(PLAIN)).toBe(true);
    expect(isPlain({ ...PLAIN, gamma: 1.1 })).toBe(false);
  });

  test("the window goes from black to white, the level is its middle", () => {
    const shown = greys({ ...PLAIN, window: 100, level: 120 });
    expect([shown[70], shown[120], shown[170]]).toEqual([0, 128, 255]);
    expect([shown[0], shown[255]]).toEqual([0, 255]);
  });

  test("gamma lifts the middle, contrast turns about it, brightness is a factor", () => {
    expect(greys({ ...PLAIN, gamma: 2 })[64]).toBe(Math.round(255 * Math.sqrt(64 / 255)));
    const steep = greys({ ...PLAIN, contrast: 2 });
    expect([steep[64], steep[191]]).toEqual([0, 255]);
    expect(greys({ ...PLAIN, brightness: 2 })[50]).toBe(100);
  });

  test("inverted it is the other way round; whatever is set, grey stays in order", () => {
    const upright = greys({ ...PLAIN, gamma: 1.4, window: 80 });
    expect(greys({ ...PLAIN, gamma: 1.4, window: 80, invert: true })).toEqual(upright.map((v) => 255 - v));
    const range = (name: keyof typeof DISPLAY_RANGE) => {
      const [min, max] = DISPLAY_RANGE[name];
      return fc.double({ min, max, noNaN: true });
    };
    const any = fc.record({
      brightness: range("brightness"),
      contrast: range("contrast"),
      gamma: range("gamma"),
      window: range("window"),
      level: range("level"),
    });
    fc.assert(
      fc.property(any, (set) => {
        const shown = greys({ ...PLAIN, ...set });
        expect(shown.every((value, i) => i === 0 || value >= shown[i - 1])).toBe(true);
      }),
      { seed: 2, numRuns: 50 },
    );
  });

  test("settings stay in their ranges, and nonsense changes nothing", () => {
    const set = changed(PLAIN, { gamma: 99, window: 0, level: Number.NaN, invert: true });
    expect(set).toEqual({ ...PLAIN, gamma: 3, window: 4, invert: true });
  });

  test("a kept view that is damaged or from elsewhere is no view", () => {
    expect(readView(null)).toEqual({});
    expect(readView("{not json")).toEqual({});
    expect(readView('"text"')).toEqual({});
    expect(readView('{"opacity":"much","outlinesOnly":true}')).toEqual({ outlinesOnly: true });
    expect(readView('{"amounts":{"growBy":3,"smoothBy":0.5,"islandBelow":"many"}}')).toEqual({
      amounts: { growBy: 3 },
    });
  });
});

describe("local contrast", () => {
  test("faint structure in a dark corner gets more of the greys", () => {
    const side = 64;
    const grey = Uint8Array.from({ length: side * side }, (_, i) => {
      const [x, y] = [i % side, Math.floor(i / side)];
      return x < 32 ? 20 + (((x >> 1) + (y >> 1)) % 2) * 4 : 200;
    });
    const out = equalize(grey, side, side);
    const at = (x: number, y: number) => out[y * side + x];
    expect(Math.abs(at(4, 4) - at(6, 4))).toBeGreaterThan(4);
  });

  test("keeps size and any size works", () => {
    for (const [width, height] of [
      [1, 1],
      [3, 200],
      [130, 7],
    ]) {
      const grey = Uint8Array.from({ length: width * height }, (_, i) => (i * 37) % 256);
      expect(equalize(grey, width, height)).toHaveLength(width * height);
    }
  });

  test("what has all greys evenly stays nearly as it is", () => {
    const side = 256;
    const grey = Uint8Array.from({ length: side * side }, (_, i) => (i * 167) % 256);
    const out = equalize(grey, side, side);
    expect(Math.max(...out.map((value, i) => Math.abs(value - grey[i])))).toBeLessThan(8);
  });
});

describe("greys made smaller", () => {
  test("are the means of their squares, at the border of what there is", () => {
    const grey = Uint8Array.from([10, 20, 100, 30, 40, 200, 7, 8, 9]);
    expect([...shrink(grey, 3, 3, 2)]).toEqual([25, 150, 8, 9]);
  });

  test("lie within what they were made from, and even greys stay", () => {
    const cases = fc.record({
      width: fc.integer({ min: 1, max: 30 }),
      height: fc.integer({ min: 1, max: 30 }),
      reduction: fc.integer({ min: 1, max: 9 }),
      seed: fc.nat(255),
    });
    fc.assert(
      fc.property(cases, ({ width, height, reduction, seed }) => {
        const grey = Uint8Array.from({ length: width * height }, (_, i) => (seed + i * 37) % 256);
        const out = shrink(grey, width, height, reduction);
        expect(out).toHaveLength(Math.ceil(width / reduction) * Math.ceil(height / reduction));
        expect(Math.min(...out)).toBeGreaterThanOrEqual(Math.min(...grey));
        expect(Math.max(...out)).toBeLessThanOrEqual(Math.max(...grey));
        if (reduction === 1) expect(out).toEqual(grey);
        const even = new Uint8Array(width * height).fill(seed);
        expect(new Set(shrink(even, width, height, reduction))).toEqual(new Set([seed]));
      }),
    );
  });
});
