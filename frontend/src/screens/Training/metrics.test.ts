import { describe, expect, it } from "vitest";
import type { RunMetric } from "../../api/types";
import { append, best, curvesOf, lastSequence, timeLeft } from "./metrics";

const line = (
  sequence: number,
  event: RunMetric["event"],
  epoch: number,
  values: Record<string, number> = {},
): RunMetric => ({
  sequence,
  event,
  epoch,
  ...values,
});

describe("append", () => {
  it("adds only what is new when two answers overlap", () => {
    const known = [line(1, "epoch", 1), line(2, "epoch", 2)];
    const all = append(known, [line(2, "epoch", 2), line(3, "epoch", 3)]);
    expect(all.map((metric) => metric.sequence)).toEqual([1, 2, 3]);
    expect(lastSequence(all)).toBe(3);
    expect(lastSequence([])).toBe(0);
  });
});

describe("curvesOf", () => {
  it("averages steps until the epoch's own line is there", () => {
    const steps = [line(1, "step", 1, { loss: 1 }), line(2, "step", 1, { loss: 3 })];
    expect(curvesOf(steps).loss).toEqual([2]);
    expect(curvesOf([...steps, line(3, "epoch", 1, { loss: 1.5, val_dice: 0.4 })])).toEqual({
      epochs: [1],
      loss: [1.5],
      validationLoss: [null],
      dice: [0.4],
    });
  });
  it("keeps an epoch once when it is done again after a resume, with the newer values", () => {
    const again = [
      line(1, "epoch", 1, { loss: 1 }),
      line(2, "epoch", 2, { loss: 0.9 }),
      line(3, "epoch", 2, { loss: 0.8 }),
    ];
    expect(curvesOf(again)).toMatchObject({ epochs: [1, 2], loss: [1, 0.8] });
  });
  it("leaves out lines that measure nothing, and numbers that are none", () => {
    const metrics = [line(1, "start", 0), line(2, "epoch", 1, { loss: Number.NaN, dice: 0.5 })];
    expect(curvesOf(metrics)).toMatchObject({ epochs: [1], loss: [null], dice: [0.5] });
  });
});

describe("best", () => {
  it("finds the highest value and its epoch, past gaps", () => {
    expect(best([1, 2, 3], [0.4, null, 0.6])).toEqual({ epoch: 3, value: 0.6 });
    expect(best([1], [null])).toBeNull();
  });
});

describe("timeLeft", () => {
  it("says nothing when nobody knows", () => {
    expect([timeLeft(null), timeLeft(Number.NaN), timeLeft(600)]).toEqual(["", "", "about 10 min left"]);
  });
});
