import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Box } from "./box";
import { cutoutFor, heldOf, ReducedMaps, reducedBox } from "./cutout";
import { Labelmap } from "./labelmap";
import { fitView } from "./transform";

const VIEWPORT = { width: 1100, height: 730 };
const LARGE = { width: 4096, height: 3072 };

const pixelsOf = ({ width, height }: Box) => width * height;

describe("what the canvases hold", () => {
  test("a common picture is held whole, pixel by pixel, whatever is in sight", () => {
    const image = { width: 1920, height: 1080 };
    for (const scale of [0.1, 0.5, 1, 20])
      expect(cutoutFor(image, { scale, x: -50, y: 30 }, VIEWPORT, 1, null)).toEqual({
        image,
        box: { x: 0, y: 0, ...image },
        reduction: 1,
      });
  });

  test("a large picture that is seen whole is held at about the screen's resolution", () => {
    const { box, reduction } = cutoutFor(LARGE, fitView(LARGE, VIEWPORT), VIEWPORT, 1, null);
    expect(box).toEqual({ x: 0, y: 0, ...LARGE });
    expect(reducedBox(box, reduction)).toEqual({ x: 0, y: 0, width: 1024, height: 768 });
    // Of a screen with twice the pixels more is held.
    expect(cutoutFor(LARGE, fitView(LARGE, VIEWPORT), VIEWPORT, 2, null).reduction).toBe(2);
  });

  test("zoomed in, what is in sight and some more; a pan within that keeps it", () => {
    const view = { scale: 1, x: -2000, y: -1000 };
    const held = cutoutFor(LARGE, view, VIEWPORT, 1, null);
    expect(held.reduction).toBe(1);
    expect(held.box).toEqual({ x: 1862, y: 908, width: 1376, height: 914 });
    expect(cutoutFor(LARGE, { ...view, x: -2100 }, VIEWPORT, 1, held)).toBe(held);
    expect(cutoutFor(LARGE, { ...view, x: -2200 }, VIEWPORT, 1, held)).not.toBe(held);
    expect(cutoutFor({ width: 4096, height: 3000 }, view, VIEWPORT, 1, held)).not.toBe(held);
  });

  test("zoomed in further, what was held is let go of once it is far too much", () => {
    const about = (scale: number) => ({ scale, x: 550 - 2500 * scale, y: 365 - 1500 * scale });
    const held = cutoutFor(LARGE, about(1), VIEWPORT, 1, null);
    expect(cutoutFor(LARGE, about(1.5), VIEWPORT, 1, held)).toBe(held);
    const { box } = cutoutFor(LARGE, about(4), VIEWPORT, 1, held);
    expect(box.width).toBeLessThan(400);
  });

  test("whatever the view: all that is in sight, at the screen's resolution, in a canvas of bounded size", () => {
    const views = fc.record({
      scale: fc.double({ min: 0.05, max: 64, noNaN: true }),
      x: fc.integer({ min: -200_000, max: 1000 }),
      y: fc.integer({ min: -200_000, max: 700 }),
    });
    fc.assert(
      fc.property(views, views, (view, before) => {
        const present = cutoutFor(LARGE, before, VIEWPORT, 1, null);
        const { box, reduction } = cutoutFor(LARGE, view, VIEWPORT, 1, present);
        const canvas = reducedBox(box, reduction);
        expect(box.x % reduction).toBe(0);
        expect(box.y % reduction).toBe(0);
        expect(pixelsOf(box)).toBeGreaterThan(0);
        expect(box.x + box.width).toBeLessThanOrEqual(LARGE.width);
        expect(box.y + box.height).toBeLessThanOrEqual(LARGE.height);
        // One pixel of the canvas never covers more than one of the screen.
        if (reduction > 1) expect(view.scale * reduction).toBeLessThanOrEqual(1.001);
        expect(pixelsOf(canvas)).toBeLessThan(5_100_000);
        for (const [offset, room, length, from, size] of [
          [view.x, VIEWPORT.width, LARGE.width, box.x, box.width],
          [view.y, VIEWPORT.height, LARGE.height, box.y, box.height],
        ]) {
          const first = Math.max(0, Math.floor(-offset / view.scale));
          const last = Math.min(length, Math.ceil((room - offset) / view.scale));
          if (last <= first) continue; // out of sight
          expect(from).toBeLessThanOrEqual(first);
          expect(from + size).toBeGreaterThanOrEqual(last);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a box is told in pixels of the reduced picture, as far as it is held", () => {
    const cutout = { image: LARGE, box: { x: 400, y: 200, width: 1000, height: 800 }, reduction: 4 };
    expect(heldOf(cutout, { x: 0, y: 0, width: 407, height: 203 })).toEqual({
      x: 100,
      y: 50,
      width: 2,
      height: 1,
    });
    expect(heldOf(cutout, { x: 401, y: 203, width: 2, height: 2 })).toEqual({
      x: 100,
      y: 50,
      width: 1,
      height: 2,
    });
    expect(heldOf(cutout, { x: 0, y: 0, width: 400, height: 900 })).toBeNull();
  });
});

describe("a label map made smaller", () => {
  test("is the map itself where nothing is to be reduced", () => {
    const map = new Labelmap(5, 4);
    expect(new ReducedMaps(1).of(map, map.box)).toBe(map);
  });

  test("has the label in the middle of each square; in background, any other", () => {
    const map = new Labelmap(9, 6);
    map.data[1 * 9 + 1] = 3; // the middle of the first square …
    map.data[0] = 7; // … over its corner
    map.data[2 * 9 + 5] = 4; // a lone pixel in the second
    const small = new ReducedMaps(3).of(map, { x: 0, y: 0, width: 3, height: 2 });
    expect([small.width, small.height, ...small.data]).toEqual([3, 2, 3, 4, 0, 0, 0, 0]);
  });

  test("loses no label's pixel to background, whatever the size", () => {
    const cases = fc.record({
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 30 }),
      reduction: fc.integer({ min: 2, max: 7 }),
      painted: fc.array(fc.tuple(fc.nat(1199), fc.integer({ min: 1, max: 12 })), { maxLength: 60 }),
    });
    fc.assert(
      fc.property(cases, ({ width, height, reduction, painted }) => {
        const map = new Labelmap(width, height);
        for (const [at, label] of painted) map.data[at % (width * height)] = label;
        const box = reducedBox(map.box, reduction);
        const small = new ReducedMaps(reduction).of(map, box);
        for (let y = 0; y < box.height; y++)
          for (let x = 0; x < box.width; x++) {
            const inside = new Set<number>();
            for (let row = y * reduction; row < Math.min(height, (y + 1) * reduction); row++)
              for (let column = x * reduction; column < Math.min(width, (x + 1) * reduction); column++)
                inside.add(map.data[row * width + column]);
            const label = small.data[y * box.width + x];
            expect(inside.has(label)).toBe(true);
            if (label === 0) expect([...inside]).toEqual([0]);
          }
      }),
    );
  });

  test("follows the map box by box", () => {
    const maps = new ReducedMaps(4);
    const map = new Labelmap(64, 64);
    maps.of(map, reducedBox(map.box, 4));
    map.data[10 * 64 + 10] = 5;
    map.data[50 * 64 + 50] = 6;
    const small = maps.of(map, reducedBox({ x: 10, y: 10, width: 1, height: 1 }, 4));
    expect(small.at(2, 2)).toBe(5);
    // Not told of, not looked at.
    expect(small.at(12, 12)).toBe(0);
  });
});
