import fc from "fast-check";
import { encode } from "fast-png";
import { describe, expect, test } from "vitest";
import type { Box } from "./box";
import { MaskDocument } from "./document";
import { Labelmap } from "./labelmap";
import { paintOverlay } from "./overlay";
import { colorTables, LABEL_COLORS, parseColor } from "./palette";
import { decodePng, encodePng } from "./png";
import { WrongPng } from "./pngTasks";
import { fromRuns, toRuns } from "./runs";
import { LABELS } from "./testing/support";
import { fitView, keepInSight, toImage, toScreen, zoomAbout } from "./transform";

const anyMap = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height, maxLength: width * height, max: 255 })
      .map((data) => new Labelmap(width, height, new Uint8Array(data))),
  );

describe("png", () => {
  test("every one of the 256 values comes back", () => {
    const map = new Labelmap(
      16,
      16,
      Uint8Array.from({ length: 256 }, (_, i) => i),
    );
    expect(decodePng(encodePng(map)).equals(map)).toBe(true);
  });

  test("any map comes back", () => {
    fc.assert(
      fc.property(anyMap, (map) => {
        expect(decodePng(encodePng(map)).equals(map)).toBe(true);
      }),
      { seed: 3 },
    );
  });

  test("is 8-bit grey", () => {
    const png = encodePng(new Labelmap(3, 2));
    expect([...png.slice(24, 26)]).toEqual([8, 0]);
  });

  test("refuses what is no 8-bit grey PNG, and says what came", () => {
    const color = new Uint8Array(
      encode({ width: 1, height: 1, data: new Uint8Array([1, 2, 3]), channels: 3, depth: 8 }),
    );
    expect(() => decodePng(color)).toThrow(/colour type 2/);
    const deep = new Uint8Array(
      encode({ width: 1, height: 1, data: new Uint16Array([1]), channels: 1, depth: 16 }),
    );
    expect(() => decodePng(deep)).toThrow(/16-bit/);
    expect(() => decodePng(new TextEncoder().encode("<html>not found</html> and some more of it"))).toThrow(
      WrongPng,
    );
  });

  test("refuses damage and absurd sizes", () => {
    const png = encodePng(new Labelmap(40, 40, new Uint8Array(1600).fill(9)));
    expect(() => decodePng(png.slice(0, png.length - 20))).toThrow(WrongPng);
    const damaged = png.slice();
    damaged[45] ^= 0xff;
    expect(() => decodePng(damaged)).toThrow(WrongPng);
    const huge = png.slice();
    new DataView(huge.buffer).setUint32(16, 2 ** 31 - 1);
    expect(() => decodePng(huge)).toThrow(/sane size/);
  });
});

const ignore = () => undefined;

describe("runs", () => {
  test("any map comes back", () => {
    fc.assert(
      fc.property(anyMap, (map) => {
        expect(fromRuns(map.width, map.height, toRuns(map)).equals(map)).toBe(true);
      }),
      { seed: 4 },
    );
  });

  test("kept strip by strip they tell the map as it is, whatever is done to it", () => {
    const width = 90;
    const document = new MaskDocument(new Labelmap(width, 200));
    const told = () => fromRuns(width, 200, document.runs());
    const put = (box: Box, label: number) => {
      const edit = document.begin(ignore, ignore);
      edit.map.write(box, new Uint8Array(box.width * box.height).fill(label));
      edit.painted(box);
      edit.finish();
    };
    const boxes = fc.record({
      x: fc.integer({ min: 0, max: 40 }),
      y: fc.integer({ min: 0, max: 150 }),
      width: fc.integer({ min: 1, max: 50 }),
      height: fc.integer({ min: 1, max: 50 }),
    });
    const acts = fc.oneof(
      fc.tuple(boxes, fc.integer({ min: 0, max: 3 })).map(
        ([box, label]) =>
          () =>
            put(box, label),
      ),
      fc.constant(() => void document.undo()),
      fc.constant(() => void document.redo()),
      fc.integer({ min: 0, max: 3 }).map((label) => () => {
        document.replace(new Labelmap(width, 200, new Uint8Array(width * 200).fill(label)));
      }),
    );
    fc.assert(
      fc.property(fc.array(acts, { maxLength: 12 }), (all) => {
        for (const act of all) {
          act();
          expect(told().equals(document.labelmap)).toBe(true);
        }
      }),
      { seed: 7, numRuns: 40 },
    );
  });

  test("runs that do not fill the map are refused", () => {
    expect(() => fromRuns(4, 4, toRuns(new Labelmap(3, 3)))).toThrow("runs of 9 pixels");
  });
});

describe("overlay", () => {
  test("drawing only the dirty box gives what drawing all gives", () => {
    fc.assert(
      fc.property(anyMap, fc.array(fc.nat(19), { minLength: 4, maxLength: 4 }), (map, [x, y, dx, dy]) => {
        const style = { opacity: 0.35, outlinesOnly: false, hidden: new Set([2]) };
        const labels = LABELS.map((label) => ({ ...label }));
        for (let i = 0; i < map.data.length; i++) map.data[i] %= 3;
        const colors = colorTables(labels, style);
        const all = new Uint32Array(map.data.length);
        paintOverlay(map, map.box, colors, all, map.width);
        const left = x % map.width;
        const top = y % map.height;
        const box = {
          x: left,
          y: top,
          width: 1 + (dx % (map.width - left)),
          height: 1 + (dy % (map.height - top)),
        };
        const part = new Uint32Array(50 * 50);
        paintOverlay(map, box, colors, part, 50);
        for (let row = 0; row < box.height; row++)
          for (let column = 0; column < box.width; column++)
            if (part[row * 50 + column] !== all[(box.y + row) * map.width + box.x + column])
              throw new Error(`pixel ${column},${row} of the box differs`);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  test("fill at 35 %, outline opaque, hidden and unknown labels and 255 as nothing", () => {
    const map = new Labelmap(5, 5, new Uint8Array(25).fill(1));
    map.data[0] = 255;
    map.data[4] = 9;
    const { fill, outline } = colorTables(LABELS, {
      opacity: 0.35,
      outlinesOnly: false,
      hidden: new Set([7]),
    });
    const out = new Uint32Array(25);
    paintOverlay(map, map.box, { fill, outline }, out, 5);
    expect(new Uint8Array(out.buffer, 12 * 4, 4)).toEqual(Uint8Array.of(0xe6, 0x9f, 0, 89));
    expect(new Uint8Array(out.buffer, 4, 4)).toEqual(Uint8Array.of(0xe6, 0x9f, 0, 255));
    expect([out[0], out[4], fill[7], outline[7]]).toEqual([0, 0, 0, 0]);
  });

  test("outlines only: no fill", () => {
    const { fill, outline } = colorTables(LABELS, { opacity: 0.35, outlinesOnly: true, hidden: new Set() });
    expect(fill.every((word) => word === 0)).toBe(true);
    expect(outline[1]).not.toBe(0);
  });

  test("the twelve colours are colours, and differ", () => {
    expect(new Set(LABEL_COLORS.map((color) => parseColor(color).join())).size).toBe(12);
  });
});

describe("transform", () => {
  const view = fc.record({
    scale: fc.double({ min: 0.05, max: 64, noNaN: true }),
    x: fc.double({ min: -5000, max: 5000, noNaN: true }),
    y: fc.double({ min: -5000, max: 5000, noNaN: true }),
  });
  const place = fc.record({
    x: fc.double({ min: -2000, max: 2000, noNaN: true }),
    y: fc.double({ min: -2000, max: 2000, noNaN: true }),
  });

  test("to the image and back is where it was", () => {
    fc.assert(
      fc.property(view, place, (v, p) => {
        const back = toScreen(v, toImage(v, p));
        expect(back.x).toBeCloseTo(p.x, 6);
        expect(back.y).toBeCloseTo(p.y, 6);
      }),
      { seed: 6 },
    );
  });

  test("zoom keeps the image point under the pointer", () => {
    fc.assert(
      fc.property(view, place, fc.double({ min: 0.2, max: 5, noNaN: true }), (v, p, factor) => {
        const before = toImage(v, p);
        const after = toImage(zoomAbout(v, p, factor), p);
        expect(Math.abs(after.x - before.x)).toBeLessThan(1e-6 * (1 + Math.abs(before.x)));
        expect(Math.abs(after.y - before.y)).toBeLessThan(1e-6 * (1 + Math.abs(before.y)));
      }),
      { seed: 6 },
    );
  });

  test("fit shows the whole image in the middle", () => {
    const v = fitView({ width: 640, height: 480 }, { width: 1000, height: 600 }, 0);
    expect(toScreen(v, { x: 320, y: 240 })).toEqual({ x: 500, y: 300 });
    expect(toScreen(v, { x: 0, y: 480 }).y).toBe(600);
  });

  test("the image cannot be lost", () => {
    const image = { width: 100, height: 100 };
    const viewport = { width: 500, height: 400 };
    const kept = keepInSight({ scale: 1, x: 9000, y: -9000 }, image, viewport);
    expect(kept).toEqual({ scale: 1, x: 452, y: -52 });
  });
});
