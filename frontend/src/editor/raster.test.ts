import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Labelmap } from "./labelmap";
import { floodFill, paintCapsule, paintPolygon } from "./raster";
import { drawn, text } from "./testing/support";
import type { ImagePoint } from "./transform";

const ALL = new Uint8Array(256).fill(1);
const WIDTH = 24;
const HEIGHT = 18;
// Quarters are exact in binary, and hit pixel centres and edges often.
const quarter = (max: number) => fc.integer({ min: -16, max: max * 4 + 16 }).map((value) => value / 4);
const point = fc.record({ x: quarter(WIDTH), y: quarter(HEIGHT) });

function distanceToLine(p: ImagePoint, a: ImagePoint, b: ImagePoint): number {
  const along = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
  const t = along === 0 ? 0 : ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / along;
  const near = Math.min(1, Math.max(0, t));
  return Math.hypot(p.x - a.x - near * (b.x - a.x), p.y - a.y - near * (b.y - a.y));
}

/** The textbook test: count the edges crossed by a ray from the point to the right. */
function insideEvenOdd(p: ImagePoint, polygon: readonly ImagePoint[]): boolean {
  let inside = false;
  for (let i = 0; i < polygon.length; i++) {
    const a = polygon[i];
    const b = polygon[(i + 1) % polygon.length];
    if (a.y <= p.y !== b.y <= p.y && p.x < a.x + ((p.y - a.y) / (b.y - a.y)) * (b.x - a.x)) inside = !inside;
  }
  return inside;
}

describe("paintCapsule", () => {
  test("paints the pixels whose centre is within the radius of the line, all of them and no other", () => {
    fc.assert(
      fc.property(point, point, fc.integer({ min: 1, max: 14 }), (a, b, size) => {
        const map = new Labelmap(WIDTH, HEIGHT);
        const box = paintCapsule(map, a, b, size / 2, 3, ALL) ?? { x: 0, y: 0, width: 0, height: 0 };
        const wrong: string[] = [];
        for (let y = 0; y < HEIGHT; y++)
          for (let x = 0; x < WIDTH; x++) {
            const off = distanceToLine({ x: x + 0.5, y: y + 0.5 }, a, b) - size / 2;
            const isPainted = map.at(x, y) === 3;
            if (Math.abs(off) > 1e-6 && isPainted !== off < 0) wrong.push(`${x},${y} is ${off} off`);
            const inBox = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
            if (isPainted && !inBox) wrong.push(`${x},${y} is outside the box told`);
          }
        expect(wrong).toEqual([]);
      }),
      { seed: 11, numRuns: 400 },
    );
  });
});

describe("paintPolygon", () => {
  test("agrees with the even-odd rule at every pixel centre, self-crossing polygons included", () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 3, maxLength: 9 }), (polygon) => {
        const map = new Labelmap(WIDTH, HEIGHT);
        paintPolygon(map, polygon, 3, ALL);
        const wrong: string[] = [];
        for (let y = 0; y < HEIGHT; y++)
          for (let x = 0; x < WIDTH; x++) {
            const centre = { x: x + 0.5, y: y + 0.5 };
            const onEdge = polygon.some(
              (a, i) => distanceToLine(centre, a, polygon[(i + 1) % polygon.length]) < 1e-9,
            );
            if (!onEdge && (map.at(x, y) === 3) !== insideEvenOdd(centre, polygon)) wrong.push(`${x},${y}`);
          }
        expect(wrong).toEqual([]);
      }),
      { seed: 12, numRuns: 400 },
    );
  });

  test("two polygons that share an edge neither overlap nor leave a gap", () => {
    fc.assert(
      fc.property(point, point, (a, b) => {
        const left = new Labelmap(WIDTH, HEIGHT);
        const right = new Labelmap(WIDTH, HEIGHT);
        // A quadrangle cut along a line from its top to its bottom, through two free points.
        const cut = [{ x: 9, y: -30 }, a, b, { x: 12, y: 60 }];
        if (a.y > b.y) return;
        paintPolygon(left, [{ x: -30, y: -30 }, ...cut, { x: -30, y: 60 }], 1, ALL);
        paintPolygon(right, [{ x: 60, y: -30 }, ...cut, { x: 60, y: 60 }], 1, ALL);
        expect(left.data.map((inLeft, i) => inLeft + right.data[i]).every((sum) => sum === 1)).toBe(true);
      }),
      { seed: 13, numRuns: 300 },
    );
  });

  test("a star's middle, enclosed twice, stays out", () => {
    const map = new Labelmap(20, 20);
    const star = [0, 2, 4, 1, 3].map((corner) => ({
      x: 10 + 9.5 * Math.sin((corner * 2 * Math.PI) / 5),
      y: 10 - 9.5 * Math.cos((corner * 2 * Math.PI) / 5),
    }));
    paintPolygon(map, star, 1, ALL);
    expect(map.at(10, 10)).toBe(0);
    expect(map.at(10, 3)).toBe(1);
  });

  test("outside the map nothing is painted and nothing breaks", () => {
    const map = new Labelmap(4, 4);
    const outside = [
      { x: 10, y: 10 },
      { x: 20, y: 10 },
      { x: 20, y: 20 },
    ];
    expect(paintPolygon(map, outside, 1, ALL)).toBeNull();
    const around = [
      { x: -10, y: -10 },
      { x: 40, y: -10 },
      { x: 40, y: 40 },
      { x: -10, y: 40 },
    ];
    paintPolygon(map, around, 1, ALL);
    expect(map.data.every((label) => label === 1)).toBe(true);
  });
});

describe("floodFill", () => {
  test("agrees with a plain search on random maps", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 9 * 7, maxLength: 9 * 7 }),
        fc.nat(8),
        fc.nat(6),
        (pixels, x, y) => {
          const map = new Labelmap(9, 7, Uint8Array.from(pixels));
          const expected = map.clone();
          const from = expected.at(x, y);
          const open: [number, number][] = [[x, y]];
          for (let at = open.pop(); at; at = open.pop()) {
            const [px, py] = at;
            if (expected.at(px, py) !== from) continue;
            expected.data[py * 9 + px] = 5;
            open.push([px + 1, py], [px - 1, py], [px, py + 1], [px, py - 1]);
          }
          floodFill(map, x, y, 5, ALL);
          expect(text(map)).toEqual(text(expected));
        },
      ),
      { seed: 14, numRuns: 300 },
    );
  });

  test("answers the region's box", () => {
    const map = drawn(".....", ".11..", "..1..", ".....");
    expect(floodFill(map, 1, 1, 2, ALL)).toEqual({ x: 1, y: 1, width: 2, height: 2 });
  });

  test("fills a whole large map without running out of stack", () => {
    const map = new Labelmap(2000, 1500);
    floodFill(map, 1000, 700, 1, ALL);
    expect(map.data.every((label) => label === 1)).toBe(true);
  });
});
