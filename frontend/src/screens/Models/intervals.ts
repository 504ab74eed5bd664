import type { Interval, MaybeScores, Model, Scores } from "../../api/types";
import { score } from "../../ui/format";

/** The part of the axis that is drawn, and where its lines stand. */
export interface Axis {
  low: number;
  high: number;
  ticks: number[];
}

/** A model that was never scored carries `{}`. */
export function hasScores(scores: MaybeScores): scores is Scores {
  return "dice" in scores;
}

/**
 * The axis that shows every interval: whole steps around them, never outside 0–1, and never so narrow
 * that noise looks like a difference.
 */
export function axisOf(intervals: readonly Interval[]): Axis {
  const values = intervals
    .flatMap(({ mean, low, high }) => [mean, low, high])
    .filter((value) => value !== null);
  const least = values.length ? Math.min(...values) : 0;
  const most = values.length ? Math.max(...values) : 1;
  const step = most - least > 0.4 ? 0.2 : 0.1;
  const high = Math.min(1, Math.max(roundUp(most, step), 0.2));
  const low = Math.max(0, Math.min(roundDown(least, step), roundDown(high - 0.2, step)));
  const ticks: number[] = [];
  for (let tick = low; tick <= high + step / 100; tick += step) ticks.push(Math.round(tick * 100) / 100);
  return { low, high, ticks };
}

/** Where a value stands on the axis, 0 (left end) to 1; values outside stand at the end. */
export function place(axis: Axis, value: number): number {
  return Math.min(1, Math.max(0, (value - axis.low) / (axis.high - axis.low)));
}

// Steps like 0.1 have no exact binary form: round to whole steps with a little tolerance first.
function roundDown(value: number, step: number): number {
  return Math.round(Math.floor(value / step + 1e-9) * step * 100) / 100;
}

function roundUp(value: number, step: number): number {
  return Math.round(Math.ceil(value / step - 1e-9) * step * 100) / 100;
}

/** ".87", "–" where there is none. */
export function diceText(value: number | null): string {
  return value === null ? "–" : score(value, 2);
}

/** "+.02", "−.01", "±.00": a signed difference of two Dice values. */
export function differenceText(value: number): string {
  const size = score(Math.abs(value), 2);
  if (size === ".00") return "±.00";
  return (value > 0 ? "+" : "−") + size;
}

/** Whether a difference is more than noise: its interval must leave out zero. Without one nobody can tell. */
export function trend(low: number | null, high: number | null): "better" | "worse" | "noise" {
  if (low === null || high === null) return "noise";
  if (low > 0) return "better";
  if (high < 0) return "worse";
  return "noise";
}

export interface Shelf {
  champion: Model | null;
  /** Newest first. */
  candidates: Model[];
  /** Newest first. */
  retired: Model[];
}

/** Models by the place they have on the screen. */
export function shelve(models: readonly Model[]): Shelf {
  const newestFirst = [...models].sort((a, b) => b.number - a.number);
  return {
    champion: newestFirst.find((model) => model.stage === "champion") ?? null,
    candidates: newestFirst.filter((model) => model.stage === "candidate"),
    retired: newestFirst.filter((model) => model.stage === "retired"),
  };
}

/** What promoting means, one sentence a line. */
export function promotionConsequences(candidate: Model, champion: Model | null): string[] {
  const lines = [`Model ${candidate.number} drafts every clip that comes in from now on.`];
  if (champion) {
    lines.push(`Model ${champion.number} is retired. It is kept, and “Roll back” makes it champion again.`);
  } else {
    lines.push("It is the first champion of this project: no model is replaced.");
  }
  lines.push("Nothing a person has saved changes: drafts never overwrite people.");
  return lines;
}
