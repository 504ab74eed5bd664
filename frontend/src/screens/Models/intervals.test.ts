import { describe, expect, it } from "vitest";
import type { Model } from "../../api/types";
import {
  axisFromZero,
  axisOf,
  differenceText,
  hasScores,
  intervalOf,
  measuresOf,
  place,
  promotionConsequences,
  shelve,
  trend,
} from "./intervals";

const at = (mean: number, half = 0) => ({ mean, low: mean - half, high: mean + half });

describe("axisOf", () => {
  it("goes to whole steps around every interval", () => {
    expect(axisOf([at(0.72, 0.03), at(0.91, 0.02)])).toEqual({
      low: 0.6,
      high: 1,
      ticks: [0.6, 0.7, 0.8, 0.9, 1],
      digits: 1,
    });
  });
  it("is never narrower than two steps, so that noise does not look like a difference", () => {
    const axis = axisOf([at(0.85), at(0.851)]);
    expect(axis.high - axis.low).toBeGreaterThanOrEqual(0.2 - 1e-9);
  });
  it("has a width even for a model that finds nothing", () => {
    expect(axisOf([at(0)])).toMatchObject({ low: 0, high: 0.2, ticks: [0, 0.1, 0.2] });
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

describe("axisFromZero", () => {
  it("begins at 0 and goes in round steps past the largest", () => {
    expect(axisFromZero([at(3.4, 0.4)])).toEqual({ low: 0, high: 4, ticks: [0, 1, 2, 3, 4], digits: 0 });
    expect(axisFromZero([at(0.062)])).toEqual({
      low: 0,
      high: 0.08,
      ticks: [0, 0.02, 0.04, 0.06, 0.08],
      digits: 2,
    });
    expect(axisFromZero([at(112)]).ticks).toEqual([0, 20, 40, 60, 80, 100, 120]);
  });
  it("has a width when all is 0 or nothing was measured", () => {
    expect(axisFromZero([at(0)]).high).toBeGreaterThan(0);
    expect(axisFromZero([]).high).toBeGreaterThan(0);
  });
});

describe("measures", () => {
  const nothing = { mean: null, low: null, high: null };
  const old = { split: "test", subjects: 2, frames: 4, unit: null, dice: at(0.8), measures: {}, labels: {} };
  it("offers what the model was scored on, Dice always", () => {
    expect(measuresOf(old).map(({ key }) => key)).toEqual(["dice"]);
    const whole = { ...old, measures: { ece: at(0.1), hd95: at(3) } };
    expect(measuresOf(whole).map(({ key }) => key)).toEqual(["dice", "hd95", "ece"]);
    expect(intervalOf(whole, "hd95")).toEqual(at(3));
    expect(intervalOf(whole, "dice")).toEqual(at(0.8));
    expect(intervalOf(old, "hd95")).toEqual(nothing);
  });
  it("calls a smaller distance better", () => {
    expect([trend(0.1, 0.3, true), trend(-0.3, -0.1, true), trend(-0.1, 0.1, true)]).toEqual([
      "worse",
      "better",
      "noise",
    ]);
    expect([differenceText(-1.26, "hd95"), differenceText(0.01, "hd95")]).toEqual(["−1.3", "±0.0"]);
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
    gate: null,
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
