import { describe, expect, it } from "vitest";
import { clickedFrame, frameAt, frameX, revisionTicks } from "./strip";

describe("the time strip", () => {
  it("finds the frame again whose middle was asked for", () => {
    for (const count of [1, 2, 7, 412]) {
      for (let at = 0; at < count; at++) expect(frameAt(frameX(at, count, 900), count, 900)).toBe(at);
    }
  });
  it("stops at both ends", () => {
    expect([frameAt(-5, 10, 100), frameAt(999, 10, 100), frameAt(5, 10, 0)]).toEqual([0, 9, 0]);
  });
  it("takes a click near a selected frame as meant for it, and the nearer of two", () => {
    expect(clickedFrame(frameX(100, 400, 800) + 5, [100], 400, 800)).toBe(100);
    expect(clickedFrame(frameX(101, 400, 800), [100, 102, 103], 400, 800)).toBeOneOf([100, 102]);
    expect(clickedFrame(frameX(200, 400, 800), [100], 400, 800)).toBe(200);
  });
  it("marks a frame with a line for each saved revision, three at most", () => {
    expect(revisionTicks(10, 38.5, 4, 0)).toBe("");
    expect(revisionTicks(10, 38.5, 4, 2)).toBe("M6 38.5h8M6 40.5h8");
    expect(revisionTicks(10, 38.5, 4, 9)).toBe(revisionTicks(10, 38.5, 4, 3));
  });
});
