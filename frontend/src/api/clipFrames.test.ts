import { expect, it } from "vitest";
import { bytesOfBase64, slicesOf } from "./clipFrames";
import type { Frame } from "./types";

const frame = (index: number, offset: number, length: number): Frame => ({
  id: 100 + index,
  index,
  time_us: index * 40_000,
  selected: false,
  state: "untouched",
  uncertainty: null,
  disagreement: null,
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

it("gives every byte of base64 back", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(bytesOfBase64(btoa(String.fromCharCode(...bytes)))).toEqual(bytes);
});
