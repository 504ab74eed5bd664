import { describe, expect, it } from "vitest";
import type { Dataset, Split, SplitCounts } from "../../api/types";
import { changeSince, generalWarnings, labelRows } from "./counts";

const LABELS = [
  { index: 3, name: "Dura", color: "#000000" },
  { index: 7, name: "Epidural fat", color: "#ffffff" },
];
const split = (frames: number, subjects: number, labels: Record<string, number> = {}): SplitCounts => ({
  frames,
  clips: subjects,
  subjects,
  labels: Object.fromEntries(
    Object.entries(labels).map(([index, n]) => [index, { frames: n, pixels: n * 10 }]),
  ),
});
const COUNTS: Record<Split, SplitCounts> = {
  train: split(20, 3, { "3": 18, "7": 2 }),
  val: split(5, 1, { "3": 5 }),
  test: split(6, 2, { "3": 6 }),
};
const version = (number: number, counts = COUNTS): Dataset => ({
  id: number,
  number,
  note: "",
  sha256: "",
  labels: LABELS,
  counts,
  warnings: [],
  frame_count: counts.train.frames + counts.val.frames + counts.test.frames,
  created_by: "",
  created_at: "",
  exports: [],
});

describe("labelRows", () => {
  it("counts a label in each split, 0 where the split does not have it", () => {
    expect(labelRows(LABELS, COUNTS, []).map((row) => [row.label.name, row.frames, row.total])).toEqual([
      ["Dura", { train: 18, val: 5, test: 6 }, 29],
      ["Epidural fat", { train: 2, val: 0, test: 0 }, 2],
    ]);
  });
  it("puts a warning beside the label it names, not beside one whose name lies inside it", () => {
    const warnings = ["Epidural fat is on 2 frames only.", "One subject is alone in validation."];
    expect(labelRows(LABELS, COUNTS, warnings).map((row) => row.warnings)).toEqual([[], [warnings[0]]]);
    expect(generalWarnings(LABELS, warnings)).toEqual([warnings[1]]);
  });
});

describe("changeSince", () => {
  it("says what came and what went", () => {
    const smaller = { ...COUNTS, train: split(10, 2) };
    expect(changeSince(version(2), version(1, smaller))).toBe("+10 frames, +1 subject since version 1");
    expect(changeSince(version(2, smaller), version(1))).toBe("−10 frames, −1 subject since version 1");
    expect(changeSince(version(2), version(1))).toBe("same size as version 1");
    expect(changeSince(version(1), null)).toBe("first version");
  });
});
