import { expect, it } from "vitest";
import type { Frame } from "../../api/types";
import { slicesOf } from "./frameSource";
import { atPosition, nearestSelected } from "./stripMath";

const frame = (index: number, offset: number, length: number, selected = false): Frame => ({
  id: 100 + index,
  index,
  time_us: index * 40_000,
  selected,
  state: "untouched",
  uncertainty: null,
  offset,
  length,
});

it("asks for neighbours in the pack with one request", () => {
  const slices = slicesOf([frame(0, 0, 10), frame(1, 10, 20), frame(2, 30, 5)]);
  expect(slices.map(({ offset, length, frames }) => [offset, length, frames.length])).toEqual([[0, 35, 3]]);
});

it("cuts where the pack has a gap and where a request would be too large", () => {
  const gap = slicesOf([frame(0, 0, 10), frame(1, 50, 10)]);
  expect(gap.map(({ offset }) => offset)).toEqual([0, 50]);
  const large = slicesOf([frame(0, 0, 60), frame(1, 60, 60), frame(2, 120, 60)], 120);
  expect(large.map(({ offset, length }) => [offset, length])).toEqual([
    [0, 120],
    [120, 60],
  ]);
});

it("finds the frame under the pointer and never one outside the clip", () => {
  expect([atPosition(0, 500, 10), atPosition(499, 500, 10), atPosition(249, 500, 10)]).toEqual([0, 9, 4]);
  expect([atPosition(-30, 500, 10), atPosition(900, 500, 10)]).toEqual([0, 9]);
});

it("goes to the next selected frame, and stays where there is none", () => {
  const frames = [0, 1, 2, 3, 4, 5].map((index) => frame(index, 0, 1, index === 1 || index === 4));
  expect(nearestSelected(frames, 1, 1)).toBe(4);
  expect(nearestSelected(frames, 3, -1)).toBe(1);
  expect(nearestSelected(frames, 4, 1)).toBe(4);
});
