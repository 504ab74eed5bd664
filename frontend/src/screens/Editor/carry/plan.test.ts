import { describe, expect, it } from "vitest";
import type { Frame } from "../../../api/types";
import { following, nextOf, stretches } from "./plan";

/** "k" drawn on, "u" untouched, "r" returned, "." context; one frame every 100 ms. */
function clip(states: string, uncertainty: readonly number[] = []): Frame[] {
  const names: Record<string, string> = { k: "open", u: "untouched", r: "returned", ".": "untouched" };
  return [...states].map((state, index) => ({
    id: index + 1,
    index,
    time_us: index * 100_000,
    selected: state !== ".",
    state: names[state] as Frame["state"],
    uncertainty: uncertainty[index] ?? null,
    disagreement: null,
    offset: 0,
    length: 1,
  }));
}

const ids = (frames: readonly Frame[]) => frames.map(({ id }) => id);

describe("stretches", () => {
  it("lie on both sides of a frame somebody drew on, and hold only selected frames nobody touched", () => {
    const found = stretches(clip("k.u.k.uuk"), 4, false);
    expect(found.map(({ first, second }) => [first.id, second.id])).toEqual([
      [1, 5],
      [5, 9],
    ]);
    expect(found[0].targets.map(({ frame, share }) => [frame.id, share])).toEqual([[3, 0.5]]);
    expect(found[1].targets.map(({ share }) => share)).toEqual([0.5, 0.75]);
  });
  it("go past an untouched frame, from the key frame before to the one after", () => {
    const [found, ...others] = stretches(clip("kuuk"), 1, false);
    expect(ids(found.targets.map(({ frame }) => frame))).toEqual([2, 3]);
    expect(others).toEqual([]);
  });
  it("begin at the open frame as soon as it is drawn on", () => {
    const found = stretches(clip("uuuk"), 0, true);
    expect(ids(found[0].targets.map(({ frame }) => frame))).toEqual([2, 3]);
  });
  it("are none without a key frame on either side", () => {
    expect(stretches(clip("uuuk"), 1, false)).toEqual([]);
    expect(stretches(clip("kk"), 0, false)).toEqual([]);
    expect(stretches([], 0, false)).toEqual([]);
  });
  it("go by time where frames are missing", () => {
    const frames = clip("kuk").map((frame, i) => ({ ...frame, time_us: [0, 100_000, 400_000][i] }));
    expect(stretches(frames, 0, false)[0].targets[0].share).toBe(0.25);
  });
});

describe("following", () => {
  it("takes the next that wait, and never goes past what somebody drew", () => {
    expect(ids(following(clip("ku.uuku"), 0, "forward", 10))).toEqual([2, 4, 5]);
    expect(ids(following(clip("ku.uuku"), 0, "forward", 2))).toEqual([2, 4]);
    expect(ids(following(clip("ukuuk"), 4, "backward", 9))).toEqual([4, 3]);
  });
});

describe("nextOf", () => {
  it("goes on from here and round the end", () => {
    const frames = clip("ukrur");
    expect(nextOf(frames, 2, "returned")?.id).toBe(5);
    expect(nextOf(frames, 4, "returned")?.id).toBe(3);
    expect(nextOf(frames, 4, "untouched")?.id).toBe(1);
    expect(nextOf(clip("kk"), 0, "untouched")).toBeNull();
  });
  it("goes down the list of the least certain, then begins again", () => {
    const frames = clip("uuuk", [0.2, 0.9, 0.5, 0.99]);
    expect(nextOf(frames, 3, "uncertain")?.id).toBe(2);
    expect(nextOf(frames, 1, "uncertain")?.id).toBe(3);
    expect(nextOf(frames, 2, "uncertain")?.id).toBe(1);
    expect(nextOf(frames, 0, "uncertain")?.id).toBe(2);
    expect(nextOf(clip("uu"), 0, "uncertain")).toBeNull();
  });
});
