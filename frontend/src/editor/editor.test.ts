import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runEditorAction } from "./actions";
import { MaskDocument } from "./document";
import { Labelmap } from "./labelmap";
import { Bench, drawn, picture, text } from "./testing/support";

describe("brush", () => {
  test("size 1 paints exactly the pixel under the pointer", () => {
    const bench = new Bench(new Labelmap(5, 3));
    bench.press(3.9, 1.05);
    expect(text(bench.map)).toEqual([".....", "...1.", "....."]);
  });

  test("size 3 is a square of nine, size 5 is round", () => {
    const bench = new Bench(new Labelmap(12, 5));
    bench.editor.setBrushSize(3);
    bench.press(2.5, 2.5);
    bench.editor.setBrushSize(5);
    bench.press(8.5, 2.5);
    expect(text(bench.map)).toEqual([
      ".......111..",
      ".111..11111.",
      ".111..11111.",
      ".111..11111.",
      ".......111..",
    ]);
  });

  test("a fast stroke has no gaps", () => {
    const bench = new Bench(new Labelmap(40, 20));
    bench.drag([0.5, 0.5], [39.5, 19.5]);
    for (let x = 0; x < 40; x++) {
      const column = Array.from({ length: 20 }, (_, y) => bench.map.at(x, y));
      expect(column.filter((label) => label === 1).length, `column ${x}`).toBeGreaterThan(0);
    }
  });

  test("coalesced places are painted as well as the last one", () => {
    const bench = new Bench(new Labelmap(5, 3));
    bench.down(0.5, 0.5).move([0.5, 2.5], [4.5, 2.5], [4.5, 0.5]).up(4.5, 0.5);
    expect(text(bench.map)).toEqual(["1...1", "1...1", "11111"]);
  });

  test("a press, a drag and a release together are one undo step", () => {
    const bench = new Bench(new Labelmap(8, 4));
    bench.drag([1, 1], [6, 1], [6, 3]);
    expect(bench.editor.getState().canUndo).toBe(true);
    bench.editor.undo();
    expect(bench.map.equals(new Labelmap(8, 4))).toBe(true);
    expect(bench.editor.getState()).toMatchObject({ canUndo: false, canRedo: true });
  });

  test("cancel leaves no trace", () => {
    const before = drawn("11..", "..22");
    const bench = new Bench(before.clone());
    const edits: string[] = [];
    bench.editor.on("edited", ({ frameId }) => edits.push(frameId));
    bench.editor.setLabel(7);
    bench.down(0.5, 0.5).move([3.5, 1.5]);
    expect(bench.map.equals(before)).toBe(false);
    bench.editor.cancel();
    bench.up(3.5, 1.5);
    expect(bench.map.equals(before)).toBe(true);
    expect(edits).toEqual([]);
    expect(bench.editor.getState().canUndo).toBe(false);
  });

  test("a stroke under way is kept as a step when its tool or frame goes", () => {
    const bench = new Bench(drawn("....", "...."));
    const edits: string[] = [];
    bench.editor.on("edited", ({ frameId }) => edits.push(frameId));
    bench.down(0.5, 0.5).move([1.5, 0.5]);
    bench.editor.setTool("eraser");
    expect(text(bench.map)).toEqual(["11..", "...."]);
    bench.up(3.5, 0.5);
    bench.editor.setTool("brush");
    bench.down(0.5, 1.5);
    bench.editor.open({
      id: "other",
      picture: picture(4, 2),
      document: new MaskDocument(new Labelmap(4, 2)),
    });
    bench.up(3.5, 1.5);
    expect(text(bench.map)).toEqual(["11..", "1..."]);
    expect(edits).toEqual(["frame", "frame"]);
    expect(text(bench.editor.openFrame?.document.labelmap as Labelmap)).toEqual(["....", "...."]);
  });

  test("a shape in the making is dropped with its tool or frame, and told of; Escape says nothing", () => {
    const bench = new Bench(new Labelmap(6, 6));
    const dropped: string[] = [];
    bench.editor.on("dropped", (tool) => dropped.push(tool));
    bench.editor.setTool("polygon");
    for (const [x, y] of [
      [0, 0],
      [5, 0],
      [5, 5],
    ])
      bench.press(x, y);
    bench.editor.setTool("lasso");
    bench.down(0, 0).move([5, 0], [5, 5]);
    bench.editor.setTool("polygon");
    bench.press(1, 1);
    bench.editor.cancel();
    bench.editor.close();
    expect(dropped).toEqual(["polygon", "lasso"]);
    expect(bench.map.equals(new Labelmap(6, 6))).toBe(true);
  });

  test("while another picture is shown nothing changes the frame, and who tries is heard; looking goes on", () => {
    const bench = new Bench(drawn("1...", "...."));
    const { editor } = bench;
    let tried = 0;
    editor.on("away", () => tried++);
    bench.press(1, 1);
    editor.setAway(true);
    const before = bench.map.clone();
    bench.drag([0, 0], [3, 1]);
    for (const action of ["undo", "redo", "cancel"] as const)
      expect(runEditorAction(editor, action, "tap")).toBe(true);
    expect(editor.operate(1, { kind: "grow", by: 1 })).toBe(false);
    expect(editor.copyLabel(drawn("11..", "...."), 1)).toBe(false);
    expect(tried).toBe(6);
    expect(bench.map.equals(before)).toBe(true);
    editor.holdPan(true);
    const { x } = editor.view;
    editor.zoomBy(4);
    bench.drag([0, 0], [1, 0]);
    expect(editor.view.x).not.toBe(x);
    editor.holdPan(false);
    expect(tried).toBe(6);
    editor.setAway(false);
    editor.undo();
    expect(text(bench.map)).toEqual(["1...", "...."]);
  });

  test("a press with a locked label is told of; the eraser and looking are not", () => {
    const bench = new Bench(drawn("1...", "...."));
    const told: number[] = [];
    bench.editor.on("locked", (label) => told.push(label));
    bench.editor.setLocked(1, true);
    bench.press(2, 1);
    bench.editor.setTool("eraser");
    bench.press(2, 1);
    bench.editor.setTool("measure");
    bench.press(2, 1);
    bench.editor.setTool("brush");
    bench.editor.setLabel(2);
    bench.press(2, 1);
    expect(told).toEqual([1]);
    expect(text(bench.map)).toEqual(["1...", "..2."]);
  });

  test("undo says whether there was anything: the screen may have more to take back", () => {
    const bench = new Bench(new Labelmap(4, 4));
    bench.press(1, 1);
    expect(runEditorAction(bench.editor, "undo", "tap")).toBe(true);
    expect(runEditorAction(bench.editor, "undo", "tap")).toBe(false);
    bench.down(1, 1);
    expect(runEditorAction(bench.editor, "undo", "tap")).toBe(true);
  });

  test("a stroke that changes no pixel is no step", () => {
    const bench = new Bench(drawn("11", "11"));
    bench.drag([0.5, 0.5], [1.5, 1.5]);
    expect(bench.editor.getState().canUndo).toBe(false);
  });

  test("may leave the picture and come back", () => {
    const bench = new Bench(new Labelmap(5, 3));
    bench.drag([2.5, 1.5], [2.5, -9], [30, -9], [4.5, 1.5]);
    expect(bench.map.at(2, 0)).toBe(1);
    expect(bench.map.at(4, 1)).toBe(1);
    expect(bench.map.at(0, 0)).toBe(0);
  });

  test("tells which pixels to draw, and no more than a stroke's own box", () => {
    const bench = new Bench(new Labelmap(300, 300));
    const areas: number[] = [];
    bench.editor.on("pixels", (box) => areas.push(box.width * box.height));
    bench.editor.setBrushSize(9);
    bench.drag([20, 20], [24, 20], [28, 20], [32, 20]);
    expect(Math.max(...areas)).toBeLessThanOrEqual(14 * 10);
  });
});

describe("what may be painted over", () => {
  test("only background", () => {
    const bench = new Bench(drawn(".22."));
    bench.editor.setPaintOver("background");
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["1221"]);
  });

  test("the eraser erases under that rule too", () => {
    const bench = new Bench(drawn(".22."));
    bench.editor.setPaintOver("background");
    bench.editor.setTool("eraser");
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["...."]);
  });

  test("a locked label neither loses pixels nor wins any", () => {
    const bench = new Bench(drawn(".22."));
    bench.editor.setLocked(2, true);
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["1221"]);
    bench.editor.setLabel(2);
    bench.drag([0.5, 0.5], [3.5, 0.5]);
    expect(text(bench.map)).toEqual(["1221"]);
  });
});

describe("polygon", () => {
  test("paints its inside when its first corner is pressed again", () => {
    const bench = new Bench(new Labelmap(6, 5));
    bench.editor.setTool("polygon");
    bench.press(1, 1).press(5, 1).press(5, 4).press(1, 4);
    expect(bench.map.equals(new Labelmap(6, 5))).toBe(true);
    bench.press(1, 1);
    expect(text(bench.map)).toEqual(["......", ".1111.", ".1111.", ".1111.", "......"]);
    bench.editor.undo();
    expect(bench.map.equals(new Labelmap(6, 5))).toBe(true);
  });

  test("closes on a double press and on finish", () => {
    for (const close of ["double press", "finish"]) {
      const bench = new Bench(new Labelmap(6, 5));
      bench.editor.setTool("polygon");
      bench.press(0, 0).press(6, 0).press(6, 5);
      if (close === "finish") bench.editor.finish();
      else bench.press(6, 5);
      expect(bench.map.at(5, 0), close).toBe(1);
      expect(bench.map.at(0, 4), close).toBe(0);
    }
  });

  test("undo takes corners back one by one, cancel takes all", () => {
    const bench = new Bench(new Labelmap(6, 5));
    bench.editor.setTool("polygon");
    bench.press(0, 0).press(6, 0).press(6, 5);
    bench.editor.undo();
    expect(bench.editor.preview()[0]).toMatchObject({ kind: "path", label: 1 });
    bench.press(0, 5);
    bench.editor.finish();
    expect(bench.map.at(0, 3)).toBe(1);
    expect(bench.map.at(5, 4)).toBe(0);
    bench.press(0, 0).press(6, 0).press(6, 5);
    bench.editor.cancel();
    expect(bench.editor.finish()).toBe(false);
  });

  test("fewer than three corners paint nothing", () => {
    const bench = new Bench(new Labelmap(6, 5));
    bench.editor.setTool("polygon");
    bench.press(0, 0).press(6, 5);
    expect(bench.editor.finish()).toBe(true);
    expect(bench.map.equals(new Labelmap(6, 5))).toBe(true);
  });
});

describe("fill", () => {
  test("changes the connected region and nothing else", () => {
    const bench = new Bench(drawn("..2..", "..2..", "22.2.", "...2."));
    bench.editor.setTool("fill");
    bench.press(0.5, 0.5);
    expect(text(bench.map)).toEqual(["112..", "112..", "22.2.", "...2."]);
    bench.editor.undo();
    bench.press(4.5, 3.5);
    expect(text(bench.map)).toEqual(["..211", "..211", "22.21", "...21"]);
  });

  test("does not cross corners, and fills round a bend", () => {
    const bench = new Bench(drawn(".2...", ".2.2.", "...2."));
    bench.editor.setTool("fill");
    bench.editor.setLabel(7);
    bench.press(0.5, 0.5);
    expect(text(bench.map)).toEqual(["72777", "72727", "77727"]);
  });

  test("outside the picture nothing happens", () => {
    const bench = new Bench(drawn("..", ".."));
    bench.editor.setTool("fill");
    bench.press(-3, 0.5).press(5, 1);
    expect(bench.editor.getState().canUndo).toBe(false);
  });
});

describe("pan and zoom", () => {
  test("pan keeps the pressed image point under the pointer and paints nothing", () => {
    const bench = new Bench(new Labelmap(100, 80));
    const from = { x: 300, y: 300 };
    const to = { x: 340, y: 260 };
    const before = bench.editor.view;
    bench.editor.setTool("pan");
    bench.editor.pointerDown(from);
    bench.editor.pointerMove([{ x: 320, y: 290 }, to]);
    bench.editor.pointerUp(to);
    expect(bench.editor.view.x - before.x).toBeCloseTo(40);
    expect(bench.editor.view.y - before.y).toBeCloseTo(-40);
    expect(bench.editor.getState().canUndo).toBe(false);
  });

  test("held, it pans whatever the tool; a polygon under way stays", () => {
    const bench = new Bench(new Labelmap(100, 80));
    bench.editor.setTool("polygon");
    bench.press(10, 10).press(60, 10).press(60, 60);
    bench.editor.holdPan(true);
    bench.drag([20, 20], [22, 22]);
    bench.editor.holdPan(false);
    bench.editor.finish();
    expect(bench.map.at(55, 30)).toBe(1);
  });

  test("the picture stays fitted until the person zooms", () => {
    const bench = new Bench(new Labelmap(100, 80));
    const first = bench.editor.view.scale;
    bench.editor.setViewport({ width: 450, height: 350 });
    expect(bench.editor.view.scale).toBeLessThan(first);
    bench.editor.zoomBy(2);
    const zoomed = bench.editor.view.scale;
    bench.editor.setViewport({ width: 900, height: 700 });
    expect(bench.editor.view.scale).toBe(zoomed);
  });

  test("what comes to lie over the bottom moves nothing; the next fit spares it", () => {
    const { editor } = new Bench(new Labelmap(100, 80));
    const first = editor.view;
    editor.setCovered(150);
    expect(editor.view).toEqual(first);
    editor.fitToScreen();
    expect(editor.view.y + 80 * editor.view.scale).toBeLessThanOrEqual(700 - 150);
    editor.setCovered(0);
    editor.fitToScreen();
    expect(editor.view).toEqual(first);
  });

  test("a frame that is loaded again lies where it lay", () => {
    const { editor } = new Bench(new Labelmap(100, 80));
    editor.zoomBy(3);
    const zoomed = editor.view;
    const { openFrame } = editor;
    editor.close();
    if (openFrame) editor.open(openFrame);
    expect(editor.view).toEqual(zoomed);
  });
});

describe("labels and frames", () => {
  test("swap goes to background and back", () => {
    const { editor } = new Bench(new Labelmap(2, 2));
    editor.setLabel(7);
    editor.swapLabel();
    expect(editor.getState().label).toBe(0);
    editor.swapLabel();
    expect(editor.getState().label).toBe(7);
  });

  test("a label the project does not know is refused", () => {
    const { editor } = new Bench(new Labelmap(2, 2));
    expect(() => editor.setLabel(3)).toThrow("label 3");
  });

  test("a mask from the server is no step and is not saved; a person's is both", () => {
    const bench = new Bench(new Labelmap(2, 2));
    let edits = 0;
    bench.editor.on("edited", () => edits++);
    bench.press(0.5, 0.5);
    bench.editor.replaceMap(drawn("22", "22"));
    expect(bench.editor.getState().canUndo).toBe(false);
    expect(edits).toBe(1);
    bench.editor.applyMap(drawn("77", ".."));
    expect(edits).toBe(2);
    bench.editor.undo();
    expect(text(bench.map)).toEqual(["22", "22"]);
  });

  test("read-only: nothing can be painted or undone", () => {
    const bench = new Bench(new Labelmap(4, 4));
    bench.press(1, 1);
    bench.editor.setReadOnly(true);
    bench.press(3, 3);
    bench.editor.undo();
    expect(bench.map.at(1, 1)).toBe(1);
    expect(bench.map.at(3, 3)).toBe(0);
  });
});

/** Anything a person may do with the pointer and the keys. */
const deed = fc.record({
  tool: fc.constantFrom("brush" as const, "eraser" as const, "polygon" as const, "fill" as const),
  label: fc.constantFrom(0, 1, 2, 7),
  size: fc.integer({ min: 1, max: 12 }),
  paintOver: fc.constantFrom("all" as const, "background" as const),
  points: fc.array(
    fc.tuple(fc.double({ min: -6, max: 36, noNaN: true }), fc.double({ min: -6, max: 30, noNaN: true })),
    {
      minLength: 1,
      maxLength: 6,
    },
  ),
});

function act(bench: Bench, step: typeof deed extends fc.Arbitrary<infer Deed> ? Deed : never): void {
  const { editor } = bench;
  editor.setTool(step.tool);
  editor.setLabel(step.label);
  editor.setBrushSize(step.size);
  editor.setPaintOver(step.paintOver);
  if (step.tool === "polygon") {
    for (const point of step.points) bench.press(...point);
    editor.finish();
  } else bench.drag(...step.points);
}

describe("properties", () => {
  const start = () => drawn(...Array.from({ length: 24 }, (_, y) => (y < 8 ? "..1122" : "77...2").repeat(5)));

  test("undo then redo is identity, step by step, back to the start", () => {
    fc.assert(
      fc.property(fc.array(deed, { minLength: 1, maxLength: 12 }), (deeds) => {
        const bench = new Bench(start());
        const states = [bench.map.clone()];
        for (const step of deeds) {
          act(bench, step);
          if (!bench.map.equals(states[states.length - 1])) states.push(bench.map.clone());
        }
        for (let i = states.length - 2; i >= 0; i--) {
          bench.editor.undo();
          expect(bench.map.equals(states[i])).toBe(true);
        }
        expect(bench.editor.getState().canUndo).toBe(false);
        for (const state of states.slice(1)) {
          bench.editor.redo();
          expect(bench.map.equals(state)).toBe(true);
        }
        expect(bench.editor.getState().canRedo).toBe(false);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  test("every changed pixel lies in a box that was told of, and locked labels never change", () => {
    fc.assert(
      fc.property(fc.array(deed, { minLength: 1, maxLength: 6 }), (deeds) => {
        const bench = new Bench(start());
        bench.editor.setLocked(2, true);
        const told = new Uint8Array(bench.map.data.length);
        bench.editor.on("pixels", (box) => {
          for (let y = box.y; y < box.y + box.height; y++)
            told.fill(1, y * bench.map.width + box.x, y * bench.map.width + box.x + box.width);
        });
        for (const step of deeds) act(bench, step);
        const before = start();
        const changed = [...told.keys()].filter((i) => before.data[i] !== bench.map.data[i]);
        expect(changed.filter((i) => !told[i])).toEqual([]);
        expect(changed.filter((i) => before.data[i] === 2 || bench.map.data[i] === 2)).toEqual([]);
      }),
      { seed: 7, numRuns: 100 },
    );
  });
});

describe("state", () => {
  test("is told when a step makes something new possible, and not by the steps after it", () => {
    const bench = new Bench(new Labelmap(8, 8));
    let told = 0;
    bench.editor.on("state", () => told++);
    bench.press(1.5, 1.5);
    expect(bench.editor.getState().canUndo).toBe(true);
    const after = told;
    expect(after).toBeGreaterThan(0);
    bench.press(5.5, 5.5);
    expect(told).toBe(after);
    bench.editor.undo();
    expect(bench.editor.getState().canRedo).toBe(true);
    expect(told).toBeGreaterThan(after);
  });
});
