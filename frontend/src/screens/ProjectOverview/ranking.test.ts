import { describe, expect, it } from "vitest";
import type { Effort } from "../../api/types";
import { rankingTold } from "./ranking";

const effort = (ranked: number, random: number, changed: number | null = 0.031): Effort => ({
  by_arm: [
    { arm: "ranked", frames: ranked, median_active_seconds: 42, changed },
    { arm: "random", frames: random, median_active_seconds: 38, changed: 0.2 },
  ],
});

describe("what ranking brought", () => {
  it("is told once both arms have enough accepted frames", () => {
    expect(rankingTold(effort(90, 20))).toBe(
      "Uncertain first: 3.1 % changed, 42 s a frame; control: 20 % changed, 38 s a frame.",
    );
  });

  it("is not told of a few frames, nor where no draft was corrected", () => {
    expect(rankingTold(effort(90, 19))).toBeNull();
    expect(rankingTold(effort(90, 20, null))).toBeNull();
  });
});
