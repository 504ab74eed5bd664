import { describe, expect, test } from "vitest";
import { LabelmapEdit } from "./edit";
import { History } from "./history";
import { Labelmap } from "./labelmap";

/** An edit of one pixel. */
function dot(at: number): LabelmapEdit {
  const before = new Labelmap(10, 10);
  const after = before.clone();
  after.data[at] = 1;
  return LabelmapEdit.between(before, after, before.box) as LabelmapEdit;
}

describe("history", () => {
  test("stays within its bytes: the oldest steps go first", () => {
    const edits = Array.from({ length: 20 }, (_, i) => dot(i));
    const history = new History(edits[0].bytes * 5);
    for (const edit of edits) history.push(edit);
    expect(history.steps).toBe(5);
    expect(history.bytes).toBeLessThanOrEqual(edits[0].bytes * 5);
    expect(history.stepBack()).toBe(edits[19]);
  });

  test("the newest step is kept even when it alone is too large", () => {
    const history = new History(1);
    history.push(dot(1));
    history.push(dot(2));
    expect(history.steps).toBe(1);
    expect(history.canUndo).toBe(true);
  });

  test("a new step forgets what had been undone, and its bytes", () => {
    const history = new History();
    history.push(dot(1));
    history.push(dot(2));
    const { bytes } = history;
    history.stepBack();
    history.push(dot(3));
    expect(history.canRedo).toBe(false);
    expect(history.bytes).toBe(bytes);
  });

  test("500 strokes on a large picture stay far below 50 MB", () => {
    const before = new Labelmap(1024, 768);
    const history = new History();
    for (let step = 0; step < 500; step++) {
      const after = before.clone();
      for (let y = 100; y < 200; y++) after.data.fill(1 + (step % 9), y * 1024 + step, y * 1024 + step + 100);
      history.push(
        LabelmapEdit.between(before, after, { x: step, y: 100, width: 100, height: 100 }) as LabelmapEdit,
      );
    }
    expect(history.steps).toBe(500);
    expect(history.bytes).toBeLessThan(5 * 1024 * 1024);
  });

  test("an edit's box is the smallest around what changed", () => {
    const before = new Labelmap(30, 30);
    const after = before.clone();
    after.data[5 * 30 + 7] = 1;
    after.data[9 * 30 + 3] = 2;
    expect(LabelmapEdit.between(before, after, before.box)?.box).toEqual({ x: 3, y: 5, width: 5, height: 5 });
    expect(LabelmapEdit.between(before, before.clone(), before.box)).toBeNull();
  });

  test("an edit larger than its longest run comes back whole", () => {
    const before = new Labelmap(700, 300);
    const after = new Labelmap(700, 300, new Uint8Array(700 * 300).fill(4));
    const edit = LabelmapEdit.between(before, after, before.box) as LabelmapEdit;
    const map = before.clone();
    edit.redo(map);
    expect(map.equals(after)).toBe(true);
    edit.undo(map);
    expect(map.equals(before)).toBe(true);
  });
});
