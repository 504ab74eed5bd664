import { expect, it } from "vitest";
import type { Frame } from "../../api/types";
import { atPosition, nearestSelected } from "./stripMath";

const frame = (index: number, selected: boolean): Frame => ({
  id: 100 + index,
  index,
  time_us: index * 40_000,
  selected,
  state: "untouched",
  uncertainty: null,
  disagreement: null,
  offset: 0,
  length: 1,
});

it("finds the frame under the pointer and never one outside the clip", () => {
  expect([atPosition(0, 500, 10), atPosition(499, 500, 10), atPosition(249, 500, 10)]).toEqual([0, 9, 4]);
  expect([atPosition(-30, 500, 10), atPosition(900, 500, 10)]).toEqual([0, 9]);
});

it("goes to the next selected frame, and stays where there is none", () => {
  const frames = [0, 1, 2, 3, 4, 5].map((index) => frame(index, index === 1 || index === 4));
  expect(nearestSelected(frames, 1, 1)).toBe(4);
  expect(nearestSelected(frames, 3, -1)).toBe(1);
  expect(nearestSelected(frames, 4, 1)).toBe(4);
});
