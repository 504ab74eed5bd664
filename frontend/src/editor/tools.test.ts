import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MaskDocument } from "./document";
import type { Editor } from "./editor";
import { Labelmap, NOT_ANNOTATED } from "./labelmap";
import { superpixels } from "./superpixels";
import { Bench, drawn, picture, text } from "./testing/support";
import { NO_MODIFIERS, type ToolName } from "./tools";
import { lengthText } from "./tools/measure";

const WIDTH = 40;
const HEIGHT = 24;

/** Bands of grey with a bright block, as one would grow into or cut along. */
function greysOf(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x >= 10 && x < 26 && y >= 6 && y < 18 ? 200 : 40 + ((x * 7 + y * 13) % 11);
  });
}

const GREYS = greysOf(WIDTH, HEIGHT);

describe("brush", () => {
  test("square: size 4 paints 4 × 4", () => {
    const bench = new Bench(new Labelmap(8, 6));
    bench.editor.setOptions({ brushShape: "square" });
    bench.editor.setBrushSize(4);
    bench.press(4, 3);
    expect(text(bench.map)).toEqual(["........", "..1111..", "..1111..", "..1111..", "..1111..", "........"]);
  });

  test("a square sweep is the union of the squares on its way", () => {
    const point = fc.tuple(fc.integer({ min: -4, max: 30 }), fc.integer({ min: -4, max: 20 }));
    fc.assert(
      fc.property(point, point, fc.integer({ min: 1, max: 9 }), (from, to, size) => {
        const bench = new Bench(new Labelmap(24, 16));
        bench.editor.setOptions({ brushShape: "square" });
        bench.editor.setBrushSize(size);
        const shift = size % 2 === 1 ? 0.5 : 0;
        const [a, b] = [from, to].map(([x, y]) => ({ x: x + shift, y: y + shift }));
        bench.drag([a.x, a.y], [b.x, b.y]);
        // A centre exactly on the rim may go either way.
        const [surely, perhaps] = [new Labelmap(24, 16), new Labelmap(24, 16)];
        for (let step = 0; step <= 4000; step++) {
          const at = { x: a.x + ((b.x - a.x) * step) / 4000, y: a.y + ((b.y - a.y) * step) / 4000 };
          for (let y = Math.floor(at.y - 6); y < at.y + 6; y++)
            for (let x = Math.floor(at.x - 6); x < at.x + 6; x++) {
              const off = Math.max(Math.abs(x + 0.5 - at.x), Math.abs(y + 0.5 - at.y)) - size / 2;
              if (perhaps.at(x, y) !== undefined && off < 1e-6) perhaps.data[y * 24 + x] = 1;
              if (surely.at(x, y) !== undefined && off < -1e-6) surely.data[y * 24 + x] = 1;
            }
        }
        const { data } = bench.map;
        expect([...data.keys()].filter((i) => data[i] < surely.data[i] || data[i] > perhaps.data[i])).toEqual(
          [],
        );
      }),
      { seed: 3, numRuns: 25 },
    );
  });

  test("a pen held lightly paints thin, a mouse paints full, and the release ends no stroke in a point", () => {
    const tall = (map: Labelmap, x: number) =>
      Array.from({ length: 30 }, (_, y) => map.at(x, y)).filter((label) => label === 1).length;
    const bench = new Bench(new Labelmap(60, 30));
    bench.editor.setBrushSize(20);
    bench.pressure = 0.25;
    bench.down(10, 15).move([20, 15]);
    bench.pressure = 1;
    bench.move([50, 15]);
    bench.pressure = 0;
    bench.up(50, 15);
    expect(tall(bench.map, 12)).toBe(5);
    expect(tall(bench.map, 50)).toBe(20);
    const swell = Array.from({ length: 30 }, (_, i) => tall(bench.map, 20 + i));
    expect(swell.every((size, i) => i === 0 || size >= swell[i - 1])).toBe(true);

    const mouse = new Bench(new Labelmap(60, 30));
    mouse.editor.setBrushSize(20);
    mouse.press(30, 15);
    expect(tall(mouse.map, 30)).toBe(20);

    bench.editor.undo();
    bench.editor.setOptions({ pressureSize: false });
    bench.pressure = 0.25;
    bench.press(30, 15);
    expect(tall(bench.map, 30)).toBe(20);
  });

  test("a threshold paints only greys in its range", () => {
    const greys = Uint8Array.from({ length: 8 * 4 }, (_, i) => 30 * (i % 8));
    const bench = new Bench(new Labelmap(8, 4), { greys });
    bench.editor.setOptions({ threshold: "range", low: 60, high: 120 });
    bench.editor.setBrushSize(16);
    bench.press(4, 2);
    expect(text(bench.map)).toEqual(Array(4).fill("..111..."));
    bench.editor.undo();
    bench.editor.setOptions({ threshold: "press", around: 35 });
    bench.press(5.5, 2.5); // grey 150: its neighbours are 120 and 180
    expect(text(bench.map)).toEqual(Array(4).fill("....111."));
  });

  test("in millimetres it keeps its size from clip to clip and back", () => {
    const bench = new Bench(new Labelmap(50, 50), { millimetresPerPixel: 0.1 });
    bench.editor.setOptions({ sizeUnit: "mm" });
    bench.editor.setBrushSize(11);
    const go = (millimetresPerPixel: number | null) => {
      const document = new MaskDocument(new Labelmap(50, 50));
      bench.editor.open({ id: "other", picture: picture(50, 50), document, millimetresPerPixel });
      return bench.editor.getState().brushSize;
    };
    expect(go(0.3)).toBe(4);
    expect(go(null)).toBe(4);
    expect(go(0.05)).toBe(22);
    expect(go(0.1)).toBe(11);
  });
});

describe("shapes", () => {
  const square: [number, number][] = [
    [2, 1],
    [6, 1],
    [6, 4],
    [2, 4],
  ];
  const start = () => drawn("1111....", "1111....", "1111..2.", "1111....", "........");

  test("lasso: what the pointer goes round is painted at the release", () => {
    const bench = new Bench(new Labelmap(8, 5));
    bench.editor.setTool("lasso");
    bench.down(...square[0]).move(...square.slice(1));
    expect(bench.map.equals(new Labelmap(8, 5))).toBe(true);
    bench.up(2, 1);
    expect(text(bench.map)).toEqual(["........", "..1111..", "..1111..", "..1111..", "........"]);
  });

  test.each(["lasso", "polygon"] as const)("%s takes away with Alt, of the label in hand only", (tool) => {
    const bench = new Bench(start());
    bench.editor.setTool(tool);
    bench.modifiers = { ...NO_MODIFIERS, alt: true };
    if (tool === "lasso") bench.drag(...square, square[0]);
    else {
      for (const at of square) bench.press(...at);
      bench.editor.finish();
    }
    expect(text(bench.map)).toEqual(["1111....", "11......", "11....2.", "11......", "........"]);
  });

  test("replace: the shape is all there is of the label, in one step", () => {
    const bench = new Bench(start());
    bench.editor.setTool("lasso");
    bench.editor.setOptions({ shapeMode: "replace" });
    bench.drag(...square, square[0]);
    expect(text(bench.map)).toEqual(["........", "..1111..", "..11112.", "..1111..", "........"]);
    bench.editor.undo();
    expect(text(bench.map)).toEqual(text(start()));
  });

  test("Shift adds whatever the option says", () => {
    const bench = new Bench(start());
    bench.editor.setTool("lasso");
    bench.editor.setOptions({ shapeMode: "subtract" });
    bench.modifiers = { ...NO_MODIFIERS, shift: true };
    bench.drag(...square, square[0]);
    expect(bench.map.at(5, 1)).toBe(1);
  });

  test("scissors: the outline keeps to the edge that the presses only hint at", () => {
    const bench = new Bench(new Labelmap(WIDTH, HEIGHT), { greys: GREYS });
    bench.editor.setTool("scissors");
    bench.press(10.5, 6.5).press(25.5, 6.5).press(25.5, 17.5).press(10.5, 17.5);
    bench.editor.finish();
    // Smoothing may move a corner by a pixel or two; the block as a whole must be found.
    const both = [...bench.map.data.keys()].filter((i) => bench.map.data[i] === 1 && GREYS[i] === 200).length;
    const painted = bench.map.data.filter((label) => label === 1).length;
    expect((2 * both) / (painted + 16 * 12)).toBeGreaterThan(0.9);
    bench.editor.undo();
    expect(bench.map.equals(new Labelmap(WIDTH, HEIGHT))).toBe(true);
  });

  test("scissors: Backspace takes the last press back", () => {
    const bench = new Bench(new Labelmap(WIDTH, HEIGHT), { greys: GREYS });
    bench.editor.setTool("scissors");
    bench.modifiers = { ...NO_MODIFIERS, mod: true };
    bench.editor.setOptions({ shapeMode: "add" });
    bench.modifiers = NO_MODIFIERS;
    bench.press(2, 2);
    bench.press(30, 2);
    bench.editor.stepBack();
    bench.editor.stepBack();
    expect(bench.editor.preview()).toEqual([]);
    expect(bench.editor.finish()).toBe(false);
  });
});

describe("region grow", () => {
  test("paints the block of like greys, and stops at its edge", () => {
    const bench = new Bench(new Labelmap(WIDTH, HEIGHT), { greys: GREYS });
    bench.editor.setTool("grow");
    bench.press(18, 12);
    expect(bench.map.at(18, 8)).toBe(1);
    expect(bench.map.at(5, 12)).toBe(0);
    expect([...bench.map.data.keys()].every((i) => bench.map.data[i] === 0 || GREYS[i] === 200)).toBe(true);
  });

  test("dragging right tolerates more and back again less, as one step; the tolerance is kept", () => {
    const bench = new Bench(new Labelmap(WIDTH, HEIGHT), { greys: GREYS });
    bench.editor.setTool("grow");
    const { scale } = bench.editor.view;
    const right = (grey: number): [number, number] => [18 + (4 * grey) / scale, 12];
    const painted = () => bench.map.data.filter((label) => label === 1).length;
    bench.down(18, 12);
    const first = painted();
    bench.move(right(200));
    expect(painted()).toBe(WIDTH * HEIGHT);
    bench.move(right(0));
    expect(painted()).toBe(first);
    bench.up(...right(30));
    expect(bench.editor.getState().options.tolerance).toBe(46);
    bench.editor.undo();
    expect(painted()).toBe(0);
    expect(bench.editor.getState().canUndo).toBe(false);
  });

  test("never goes farther than its reach, and not through what it may not paint", () => {
    const wall = new Labelmap(WIDTH, HEIGHT);
    for (let y = 0; y < HEIGHT; y++) wall.data[y * WIDTH + 30] = 2;
    const bench = new Bench(wall);
    bench.editor.setLocked(2, true);
    bench.editor.setOptions({ reach: 15 });
    bench.editor.setTool("grow");
    bench.press(24.5, 12.5);
    for (let y = 0; y < HEIGHT; y++)
      for (let x = 0; x < WIDTH; x++) {
        const isNear = (x - 24) ** 2 + (y - 12) ** 2 <= 15 ** 2;
        expect(bench.map.at(x, y)).toBe(x === 30 ? 2 : isNear && x < 30 ? 1 : 0);
      }
  });
});

describe("superpixels", () => {
  test("cover the picture with connected patches that keep to a strong edge", () => {
    const found = superpixels(GREYS, WIDTH, HEIGHT, 6);
    expect(new Set(found.of).size).toBe(found.count);
    for (let patch = 0; patch < found.count; patch++) {
      const pixels = [...found.of.keys()].filter((i) => found.of[i] === patch);
      const open = [pixels[0]];
      const seen = new Set(open);
      for (let i = open.pop(); i !== undefined; i = open.pop())
        for (const [by, fits] of [
          [-1, i % WIDTH > 0],
          [1, i % WIDTH < WIDTH - 1],
          [-WIDTH, true],
          [WIDTH, true],
        ] as const)
          if (fits && found.of[i + by] === patch && !seen.has(i + by)) {
            seen.add(i + by);
            open.push(i + by);
          }
      expect(seen.size).toBe(pixels.length);
      const [left, top, right, bottom] = found.boxes.subarray(4 * patch, 4 * patch + 4);
      const inBox = (i: number) => {
        const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
        return x >= left && x <= right && y >= top && y <= bottom;
      };
      expect(pixels.every(inBox)).toBe(true);
    }
  });

  test("a drag paints each patch it crosses, whole; with Alt it takes them away", async () => {
    const bench = new Bench(new Labelmap(WIDTH, HEIGHT), { greys: GREYS });
    bench.editor.setOptions({ regionSize: 6 });
    bench.editor.setTool("superpixel");
    bench.move([3, 3]);
    expect(bench.editor.preview()).toMatchObject([{ kind: "text" }]);
    await Promise.resolve();
    expect(bench.editor.preview()).toMatchObject([{ kind: "edges", label: 1 }]);
    bench.drag([3, 3], [30, 20]);
    const { of } = superpixels(GREYS, WIDTH, HEIGHT, 6);
    const touched = new Set(of.filter((_, i) => bench.map.data[i] === 1));
    expect(touched.size).toBeGreaterThan(3);
    for (const [i, label] of bench.map.data.entries()) expect(label === 1).toBe(touched.has(of[i]));
    bench.modifiers = { ...NO_MODIFIERS, alt: true };
    bench.drag([3, 3], [30, 20]);
    expect(bench.map.equals(new Labelmap(WIDTH, HEIGHT))).toBe(true);
  });
});

describe("patches that are still being found", () => {
  const waiting = () => {
    const bench = new Bench(new Labelmap(WIDTH, HEIGHT), { greys: GREYS.slice() });
    bench.editor.setOptions({ regionSize: 6 });
    bench.editor.setTool("superpixel");
    return bench;
  };
  const { of } = superpixels(GREYS, WIDTH, HEIGHT, 6);
  const patchOf = (x: number, y: number) => of[y * WIDTH + x];
  const painted = (bench: Bench) => new Set(of.filter((_, i) => bench.map.data[i] === 1));

  test("strokes drawn meanwhile are painted when they are there, one step each", async () => {
    const bench = waiting();
    bench.drag([3, 3], [12, 3]);
    bench.press(30, 20);
    expect(painted(bench).size).toBe(0);
    await Promise.resolve();
    expect(painted(bench)).toEqual(
      new Set([...[3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((x) => patchOf(x, 3)), patchOf(30, 20)]),
    );
    bench.editor.undo();
    expect(painted(bench).has(patchOf(30, 20))).toBe(false);
    expect(painted(bench).has(patchOf(3, 3))).toBe(true);
    bench.editor.undo();
    expect(painted(bench).size).toBe(0);
  });

  test("a stroke still held goes on; one left with Escape leaves no trace", async () => {
    const bench = waiting();
    bench.down(3, 3);
    await Promise.resolve();
    bench.move([30, 20]).up(30, 20);
    expect(painted(bench).has(patchOf(30, 20))).toBe(true);
    const left = waiting();
    left.press(3, 3);
    left.editor.cancel();
    await Promise.resolve();
    expect(painted(left).size).toBe(0);
  });
});

describe("line and ruler", () => {
  test("a line is straight, as wide as the brush, and one step however the pointer wandered", () => {
    const bench = new Bench(new Labelmap(8, 4));
    bench.editor.setTool("line");
    bench.drag([1.5, 1.5], [6.5, 3.5], [3.5, 0.5], [6.5, 1.5]);
    expect(text(bench.map)).toEqual(["........", ".111111.", "........", "........"]);
    bench.editor.undo();
    expect(bench.map.equals(new Labelmap(8, 4))).toBe(true);
  });

  test("with Shift it keeps to eight directions", () => {
    const bench = new Bench(new Labelmap(8, 4));
    bench.editor.setTool("line");
    bench.modifiers = { ...NO_MODIFIERS, shift: true };
    bench.drag([1.5, 1.5], [6.5, 2.2]);
    expect(text(bench.map)).toEqual(["........", ".111111.", "........", "........"]);
  });

  test("the ruler measures and paints nothing", () => {
    const bench = new Bench(drawn("12..", ".77."), { millimetresPerPixel: 0.2 });
    bench.editor.setTool("measure");
    bench.drag([0, 0], [3, 0]);
    expect(text(bench.map)).toEqual(["12..", ".77."]);
    expect(bench.editor.getState().canUndo).toBe(false);
    expect(bench.editor.preview().at(-1)).toMatchObject({ kind: "text", text: "0.6 mm" });
    bench.editor.cancel();
    expect(bench.editor.preview()).toEqual([]);
    expect(lengthText(12.345, null)).toBe("12.3 px");
  });
});

describe("move", () => {
  const start = () => drawn("........", ".11...1.", ".11.....", "...22...", "........", "........");

  test("a drag takes the piece under it along, and leaves other pieces", () => {
    const bench = new Bench(start());
    bench.editor.setTool("move");
    bench.drag([1.5, 1.5], [3.6, 3.4]);
    expect(text(bench.map)).toEqual(["........", "......1.", "........", "...11...", "...11...", "........"]);
    // Moved on, what it covered comes back: nothing was lost on the way.
    bench.drag([3.5, 3.5], [3.5, 4.5]);
    expect(text(bench.map)).toEqual(["........", "......1.", "........", "...22...", "...11...", "...11..."]);
    bench.editor.undo();
    bench.editor.undo();
    expect(text(bench.map)).toEqual(text(start()));
  });

  test("or the label as a whole", () => {
    const bench = new Bench(start());
    bench.editor.setTool("move");
    bench.editor.setOptions({ moveWhole: true });
    bench.drag([1.5, 1.5], [1.5, 3.5]);
    expect(text(bench.map)).toEqual(["........", "........", "........", ".1122.1.", ".11.....", "........"]);
  });

  test("a corner scales it; shrunk to a pixel and back it is what it was", () => {
    const bench = new Bench(drawn("........", ".11.....", ".1......", "........", "........", "........"));
    bench.editor.setTool("move");
    bench.press(1.5, 1.5); // taken up
    bench.drag([3, 3], [5, 5]);
    expect(text(bench.map)).toEqual(["........", ".1111...", ".1111...", ".11.....", ".11.....", "........"]);
    bench.drag([5, 5], [2, 2]);
    expect(bench.map.data.filter((label) => label === 1).length).toBeLessThanOrEqual(1);
    bench.drag([2, 2], [3, 3]);
    expect(text(bench.map)).toEqual(["........", ".11.....", ".1......", "........", "........", "........"]);
  });

  test("Escape in a drag puts it back; a locked label is not taken up, nor painted over", () => {
    const bench = new Bench(start());
    bench.editor.setLocked(2, true);
    bench.editor.setTool("move");
    bench.down(1.5, 1.5).move([3.5, 3.5]);
    bench.editor.cancel();
    expect(text(bench.map)).toEqual(text(start()));
    bench.drag([3.5, 3.5], [6, 5]);
    expect(text(bench.map)).toEqual(text(start()));
    bench.drag([1.5, 1.5], [3.5, 3.5]);
    expect(text(bench.map)).toEqual(["........", "......1.", "........", "...22...", "...11...", "........"]);
  });

  test.each([
    ["locked", (editor: Editor) => editor.setLocked(1, true)],
    ["hidden", (editor: Editor) => editor.setHidden(1, true)],
    ["not to be painted over", (editor: Editor) => editor.setPaintOver(2)],
  ])("what was taken up stays where it lay when it is %s, in a drag and before one", (_, protect) => {
    for (const isDragged of [false, true]) {
      const bench = new Bench(start());
      bench.editor.setTool("move");
      bench.press(1.5, 1.5);
      if (isDragged) bench.down(1.5, 1.5).move([3.5, 3.5]);
      protect(bench.editor);
      if (isDragged) bench.up(4.5, 3.5);
      bench.drag([1.5, 1.5], [4.5, 4.5]);
      expect(text(bench.map)).toEqual(text(start()));
    }
  });
});

describe("what may be painted over", () => {
  test("only one label: no other changes, erasing included", () => {
    const bench = new Bench(drawn("1.27"));
    bench.editor.setPaintOver(2);
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["1.17"]);
    bench.editor.undo();
    bench.editor.setTool("eraser");
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["1..7"]);
  });

  test("a hidden label is protected as a locked one; taken in hand it is shown", () => {
    const bench = new Bench(drawn(".22."));
    bench.editor.setHidden(2, true);
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["1221"]);
    bench.editor.setLabel(2);
    expect(bench.editor.getState().hidden.has(2)).toBe(false);
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["2222"]);
  });

  test("a rule for a label that is no more falls back to all", () => {
    const bench = new Bench(drawn("...."));
    bench.editor.setPaintOver(7);
    bench.editor.setLabels(bench.editor.getState().labels.filter((label) => label.index !== 7));
    expect(bench.editor.getState().paintOver).toBe("all");
  });
});

// ── every tool ──────────────────────────────────────────────────────────────────────────────────

const TOOLS = [
  "brush",
  "eraser",
  "line",
  "polygon",
  "lasso",
  "scissors",
  "fill",
  "grow",
  "superpixel",
  "move",
  "measure",
  "pan",
] as const satisfies readonly ToolName[];
const PRESSES: ReadonlySet<ToolName> = new Set<ToolName>(["polygon", "scissors"]);

const start = () => {
  const map = drawn(...Array.from({ length: HEIGHT }, (_, y) => (y < 8 ? "..1122.." : "77...2..").repeat(5)));
  // Some that nobody annotated.
  for (let y = 10; y < 14; y++) map.data.fill(NOT_ANNOTATED, y * WIDTH + 16, y * WIDTH + 22);
  return map;
};

const gesture = fc.record({
  label: fc.constantFrom(0, 1, 7),
  size: fc.integer({ min: 1, max: 9 }),
  paintOver: fc.constantFrom("all" as const, "background" as const, 7),
  options: fc.record({
    brushShape: fc.constantFrom("round" as const, "square" as const),
    threshold: fc.constantFrom("off" as const, "range" as const, "press" as const),
    low: fc.integer({ min: 0, max: 50 }),
    shapeMode: fc.constantFrom("add" as const, "subtract" as const, "replace" as const),
    tolerance: fc.integer({ min: 0, max: 60 }),
    reach: fc.integer({ min: 2, max: 12 }),
    moveWhole: fc.boolean(),
  }),
  modifiers: fc.record({ shift: fc.boolean(), alt: fc.boolean(), mod: fc.boolean() }),
  pressure: fc.option(fc.double({ min: 0.01, max: 1, noNaN: true }), { nil: undefined }),
  // Odd eighths: never on the border of a pixel, where rounding could tell two answers.
  points: fc.array(
    fc.tuple(
      fc.integer({ min: -16, max: 4 * WIDTH + 16 }).map((value) => (2 * value + 1) / 8),
      fc.integer({ min: -16, max: 4 * HEIGHT + 16 }).map((value) => (2 * value + 1) / 8),
    ),
    { minLength: 2, maxLength: 6 },
  ),
});
type Gesture = typeof gesture extends fc.Arbitrary<infer Value> ? Value : never;

async function benchWith(tool: ToolName): Promise<Bench> {
  const bench = new Bench(start(), { greys: GREYS });
  bench.editor.setOptions({ regionSize: 6 });
  bench.editor.setTool(tool);
  bench.move([5, 5]);
  bench.editor.preview(); // superpixels are asked for
  await Promise.resolve();
  return bench;
}

function set({ editor }: Bench, { label, size, paintOver, options }: Gesture): void {
  editor.setLabel(label);
  editor.setBrushSize(size);
  editor.setPaintOver(paintOver);
  editor.setOptions(options);
}

/** Everything but the end of it. */
function begin(bench: Bench, tool: ToolName, { points, modifiers, pressure }: Gesture): void {
  bench.modifiers = modifiers;
  bench.pressure = pressure;
  if (PRESSES.has(tool)) for (const point of points) bench.press(...point);
  else {
    bench.down(...points[0]);
    for (const point of points.slice(1)) bench.move(point);
  }
}

function perform(bench: Bench, tool: ToolName, given: Gesture): void {
  set(bench, given);
  begin(bench, tool, given);
  if (PRESSES.has(tool)) bench.editor.finish();
  else bench.up(...given.points[given.points.length - 1]);
}

/** Pixels a gesture may change, by what the tool promises. */
function clipOf(tool: ToolName, before: Labelmap, { points, size, label, options, modifiers }: Gesture) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const inBox = (x: number, y: number, margin: number) =>
    x + 0.5 >= left - margin &&
    x + 0.5 <= right + margin &&
    y + 0.5 >= top - margin &&
    y + 0.5 <= bottom + margin;
  const [pressX, pressY] = [Math.floor(points[0][0]), Math.floor(points[0][1])];
  const picked = before.at(pressX, pressY);
  const [from, to] = [points[0], points[points.length - 1]];
  const [dx, dy] = [Math.round(to[0] - from[0]), Math.round(to[1] - from[1])];
  return (x: number, y: number): boolean => {
    switch (tool) {
      case "brush":
      case "eraser":
        return inBox(x, y, size / 2 + 1);
      case "line":
        // Turned to one of eight directions it is never longer than it was.
        return modifiers.shift
          ? Math.hypot(x + 0.5 - from[0], y + 0.5 - from[1]) <=
              Math.hypot(to[0] - from[0], to[1] - from[1]) + size + 2
          : inBox(x, y, size / 2 + 1);
      case "polygon":
      case "lasso":
      case "scissors": {
        // Along edges the scissors may leave the box of the presses, never that of the picture.
        const isReplaced = before.at(x, y) === label;
        return isReplaced || tool === "scissors" || inBox(x, y, 1);
      }
      case "fill":
        return before.at(x, y) === picked;
      case "grow":
        return (x - pressX) ** 2 + (y - pressY) ** 2 <= options.reach ** 2;
      case "superpixel":
        return inBox(x, y, 3 * 6 + 1);
      case "move":
        return before.at(x, y) === picked || before.at(x - dx, y - dy) === picked;
      default:
        return false;
    }
  };
}

describe.each(TOOLS)("%s, whatever the hand does", (tool) => {
  test("undo then redo is identity; locked and hidden labels never change; nothing outside its clip does", async () => {
    await fc.assert(
      fc.asyncProperty(gesture, fc.constantFrom("lock" as const, "hide" as const), async (given, protect) => {
        const bench = await benchWith(tool);
        if (protect === "lock") bench.editor.setLocked(2, true);
        else bench.editor.setHidden(2, true);
        const before = bench.map.clone();
        perform(bench, tool, given);
        const after = bench.map.clone();
        const inClip = clipOf(tool, before, given);
        const wrong: string[] = [];
        for (let i = 0; i < after.data.length; i++) {
          const [was, is] = [before.data[i], after.data[i]];
          if (was === is) continue;
          if (was === 2 || is === 2) wrong.push(`protected pixel ${i}`);
          if (is === NOT_ANNOTATED) wrong.push(`not annotated now: pixel ${i}`);
          // A move gives back what it had covered: its base is not the map before.
          if (typeof given.paintOver === "number" && tool !== "move" && was !== given.paintOver)
            wrong.push(`only ${given.paintOver} may change: pixel ${i} was ${was}`);
          if (given.paintOver === "background" && was !== 0 && is !== 0) wrong.push(`pixel ${i} was ${was}`);
          if (!inClip(i % WIDTH, Math.floor(i / WIDTH))) wrong.push(`outside the clip: pixel ${i}`);
        }
        expect(wrong).toEqual([]);
        const steps = bench.editor.getState().canUndo;
        expect(steps).toBe(!before.equals(after));
        bench.editor.undo();
        expect(bench.map.equals(before)).toBe(true);
        if (steps) bench.editor.redo();
        expect(bench.map.equals(after)).toBe(true);
      }),
      { seed: 41, numRuns: 50 },
    );
  });

  test("cancelled it leaves no trace, and the next step starts afresh", async () => {
    await fc.assert(
      fc.asyncProperty(gesture, async (given) => {
        const bench = await benchWith(tool);
        let edits = 0;
        bench.editor.on("edited", () => edits++);
        set(bench, given);
        // A press on the first corner would have closed it: that is no cancelled one.
        begin(bench, tool, PRESSES.has(tool) ? { ...given, points: given.points.slice(0, 2) } : given);
        if (tool !== "fill") {
          bench.editor.cancel();
          bench.up(...given.points[0]);
          expect(bench.map.equals(start())).toBe(true);
          expect(edits).toBe(0);
          expect(bench.editor.getState().canUndo).toBe(false);
        }
        bench.editor.cancel();
        bench.editor.undo();
        expect(bench.map.equals(start())).toBe(true);
        bench.modifiers = NO_MODIFIERS;
        bench.editor.setTool(tool === "brush" ? "eraser" : "brush");
        bench.editor.setOptions({ threshold: "off" });
        bench.editor.setPaintOver("all");
        bench.editor.setLabel(7);
        bench.press(2.5, 2.5);
        expect(bench.editor.getState().canUndo).toBe(bench.map.at(2, 2) !== start().at(2, 2));
      }),
      { seed: 42, numRuns: 30 },
    );
  });
});
