import { describe, expect, test } from "vitest";
import { LabelmapEdit } from "./edit";
import { History } from "./history";
import { Labelmap } from "./labelmap";
import { paintCapsule } from "./raster";

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

  /** A small generator (mulberry32), so that every run sees the same numbers from 0 to 1. */
  function random(seed: number): () => number {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  test("500 random strokes across a whole frame fit in 50 MB, and lead back to the start and forth", () => {
    const next = random(5);
    const map = new Labelmap(1024, 768);
    const committed = map.clone();
    const history = new History();
    const may = new Uint8Array(256).fill(1);
    for (let step = 0; step < 500; step++) {
      const [label, radius] = [1 + Math.floor(12 * next()), 1 + 20 * next()];
      let at = { x: 1024 * next(), y: 768 * next() };
      for (let piece = 0; piece < 3; piece++) {
        const to = { x: 1024 * next(), y: 768 * next() };
        paintCapsule(map, at, to, radius, label, may);
        at = to;
      }
      const edit = LabelmapEdit.between(committed, map, map.box);
      if (!edit) throw new Error("a stroke across the frame changed nothing");
      committed.copyBox(edit.box, map);
      history.push(edit);
    }
    const last = map.clone();
    expect(history.steps).toBe(500);
    expect(history.bytes).toBeLessThan(50 * 1024 * 1024);
    for (let edit = history.stepBack(); edit; edit = history.stepBack()) edit.undo(map);
    expect(map.equals(new Labelmap(1024, 768))).toBe(true);
    for (let edit = history.stepForward(); edit; edit = history.stepForward()) edit.redo(map);
    expect(map.equals(last)).toBe(true);
  }, 60_000);

  test("a thin stroke across a large picture full of labels costs a few bytes for each row it crosses", () => {
    const before = new Labelmap(2048, 1536);
    for (let i = 0; i < before.data.length; i++) before.data[i] = (i >> 4) % 5;
    const after = before.clone();
    const may = new Uint8Array(256).fill(1);
    paintCapsule(after, { x: 10, y: 10 }, { x: 2000, y: 1500 }, 3, 9, may);
    const edit = LabelmapEdit.between(before, after, before.box) as LabelmapEdit;
    expect(edit.bytes).toBeLessThan(1500 * 20);
    const map = after.clone();
    edit.undo(map);
    expect(map.equals(before)).toBe(true);
    edit.redo(map);
    expect(map.equals(after)).toBe(true);
  });

  test("a stroke that leaves every other pixel of speckle takes a bit per pixel, and comes back whole", () => {
    const next = random(6);
    const before = new Labelmap(1024, 768);
    const after = before.clone();
    for (let i = 0; i < after.data.length; i++) if (next() < 0.5) after.data[i] = 3;
    const edit = LabelmapEdit.between(before, after, before.box) as LabelmapEdit;
    expect(edit.bytes).toBeLessThan((1024 * 768) / 8 + 1024);
    const map = after.clone();
    edit.undo(map);
    expect(map.equals(before)).toBe(true);
    edit.redo(map);
    expect(map.equals(after)).toBe(true);
  });

  test("any two maps: undo leads to the one, redo to the other", () => {
    const next = random(8);
    for (const width of [1, 7, 8, 9, 17, 64]) {
      for (const share of [0.02, 0.5, 0.98]) {
        for (const labels of [1, 3]) {
          const before = new Labelmap(width, 23);
          const label = () => Math.floor(labels * next() + 1);
          for (let i = 0; i < before.data.length; i++) before.data[i] = next() < 0.5 ? label() : 0;
          const after = before.clone();
          for (let i = 0; i < after.data.length; i++) if (next() < share) after.data[i] = 4 + label();
          const edit = LabelmapEdit.between(before, after, before.box);
          if (!edit) continue;
          const map = after.clone();
          edit.undo(map);
          expect(map.equals(before)).toBe(true);
          edit.redo(map);
          expect(map.equals(after)).toBe(true);
        }
      }
    }
  });
});
