import { describe, expect, it } from "vitest";
import type { Model } from "../../api/types";
import { axisOf, differenceText, hasScores, place, promotionConsequences, shelve, trend } from "./intervals";

const at = (mean: number, half = 0) => ({ mean, low: mean - half, high: mean + half });

describe("axisOf", () => {
  it("goes to whole steps around every interval", () => {
    expect(axisOf([at(0.72, 0.03), at(0.91, 0.02)])).toEqual({
      low: 0.6,
      high: 1,
      ticks: [0.6, 0.7, 0.8, 0.9, 1],
    });
  });
  it("is never narrower than two steps, so that noise does not look like a difference", () => {
    const axis = axisOf([at(0.85), at(0.851)]);
    expect(axis.high - axis.low).toBeGreaterThanOrEqual(0.2 - 1e-9);
  });
  it("has a width even for a model that finds nothing", () => {
    expect(axisOf([at(0)])).toEqual({ low: 0, high: 0.2, ticks: [0, 0.1, 0.2] });
    expect(place(axisOf([at(0)]), 0)).toBe(0);
  });
  it("never leaves 0 to 1, whatever the intervals", () => {
    expect(axisOf([{ mean: 0.5, low: -0.2, high: 1.3 }])).toMatchObject({ low: 0, high: 1 });
    expect(axisOf([])).toMatchObject({ low: 0, high: 1 });
  });
  it("leaves out what cannot be told: a structure no frame shows, an interval of one subject", () => {
    const unknown = { mean: null, low: null, high: null };
    expect(axisOf([unknown, { mean: 0.85, low: null, high: null }])).toEqual(axisOf([at(0.85)]));
  });
  it("puts values on it, those outside at its ends", () => {
    const axis = axisOf([at(0.65), at(0.95)]);
    expect(place(axis, 0.8)).toBeCloseTo(0.5);
    expect(place(axis, 0.1)).toBe(0);
    expect(place(axis, 2)).toBe(1);
  });
});

describe("words", () => {
  it("writes differences with a sign, and none where it rounds to nothing", () => {
    expect([differenceText(0.021), differenceText(-0.013), differenceText(-0.001)]).toEqual([
      "+.02",
      "−.01",
      "±.00",
    ]);
  });
  it("calls a difference noise when its interval holds zero", () => {
    expect([trend(0.01, 0.03), trend(-0.03, -0.01), trend(-0.01, 0.01)]).toEqual([
      "better",
      "worse",
      "noise",
    ]);
  });
});

function model(number: number, stage: Model["stage"]): Model {
  return {
    id: number * 10,
    number,
    stage,
    run: null,
    dataset: null,
    parent: null,
    replaced: null,
    architecture: {},
    labels: [],
    byte_size: 1,
    scores: {},
    note: "",
    created_at: "2026-01-01T00:00:00Z",
    promoted_at: null,
    promoted_by: null,
    verdict: null,
  };
}

describe("shelve", () => {
  it("puts the champion apart and the newest candidate first", () => {
    const shelf = shelve([
      model(1, "retired"),
      model(2, "champion"),
      model(3, "candidate"),
      model(4, "candidate"),
    ]);
    expect(shelf.champion?.number).toBe(2);
    expect(shelf.candidates.map((each) => each.number)).toEqual([4, 3]);
    expect(shelf.retired.map((each) => each.number)).toEqual([1]);
  });
  it("knows a model that was never scored", () => {
    expect(hasScores(model(1, "candidate").scores)).toBe(false);
  });
});

describe("promotionConsequences", () => {
  it("names the champion that is replaced", () => {
    expect(promotionConsequences(model(3, "candidate"), model(2, "champion")).join(" ")).toContain(
      "Model 2 is retired",
    );
  });
  it("says so when there is none", () => {
    expect(promotionConsequences(model(3, "candidate"), null).join(" ")).toContain("no model is replaced");
  });
});
