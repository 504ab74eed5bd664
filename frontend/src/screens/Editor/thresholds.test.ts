import { describe, expect, it } from "vitest";
import { Bench, drawn, text } from "../../editor/testing/support";
import { isStillDraft, takeOut } from "./thresholds";

describe("thresholds of a draft", () => {
  const without = (bench: Bench, label: number) => {
    const map = bench.map.clone();
    map.data.forEach((is, i) => {
      if (is === label) map.data[i] = 0;
    });
    takeOut(bench.editor, map);
  };

  it("each label gets its own, also when the first is saved meanwhile, undone and done again", () => {
    const bench = new Bench(drawn("12", "12"));
    expect(isStillDraft(bench.editor, false)).toBe(true);
    without(bench, 1);
    expect(isStillDraft(bench.editor, true)).toBe(true);
    without(bench, 2);
    expect(text(bench.map)).toEqual(["..", ".."]);
    expect(isStillDraft(bench.editor, true)).toBe(true);
    bench.editor.undo();
    bench.editor.undo();
    expect(isStillDraft(bench.editor, true)).toBe(true);
    bench.editor.redo();
    expect(isStillDraft(bench.editor, true)).toBe(true);
  });

  it("end where a person draws, until that is undone", () => {
    const bench = new Bench(drawn("12", "12"));
    without(bench, 2);
    bench.press(1.5, 1.5);
    expect(isStillDraft(bench.editor, true)).toBe(false);
    bench.editor.undo();
    expect(isStillDraft(bench.editor, true)).toBe(true);
  });

  it("are not for a mask that was saved before it was opened", () => {
    const bench = new Bench(drawn("12", "12"));
    expect(isStillDraft(bench.editor, true)).toBe(false);
    bench.press(1.5, 1.5);
    bench.editor.undo();
    expect(isStillDraft(bench.editor, true)).toBe(false);
  });
});
