import { describe, expect, it } from "vitest";
import { uncertaintyBar, uncertaintyRange, uncertaintyText } from "./uncertainty";

const of = (...values: (number | null)[]) => uncertaintyRange(values.map((uncertainty) => ({ uncertainty })));

describe("bars of uncertainty", () => {
  it("use all the room for the little a clip's frames differ by", () => {
    const range = of(null, 0.025, 0.022, null, 0.0235);
    expect(range).toEqual({ low: 0.022, high: 0.025 });
    expect(uncertaintyBar(0.022, range)).toBeCloseTo(0.1);
    expect(uncertaintyBar(0.0235, range)).toBeCloseTo(0.55);
    expect(uncertaintyBar(0.025, range)).toBeCloseTo(1);
    expect(uncertaintyText(0.025, range, "this clip")).toBe("uncertainty .025 (this clip: .022 to .025)");
  });
  it("are equally small where all frames are alike", () => {
    expect(uncertaintyBar(0.7, of(0.7, 0.7))).toBeCloseTo(0.1);
  });
});
