import type { Interval, MaybeScores, Model, Scores } from "../../api/types";
import { score } from "../../ui/format";

/** The part of the axis that is drawn, and where its lines stand. */
export interface Axis {
  low: number;
  high: number;
  ticks: number[];
  /** Decimals of the ticks' words. */
  digits: number;
}

export type MeasureKey = "dice" | "hd95" | "nsd_2" | "presence_f1" | "ece";

export interface Measure {
  key: MeasureKey;
  name: string;
  lowerIsBetter: boolean;
  /** What it says, in one sentence; `unit` is of the distances. */
  explain: (unit: string) => string;
}

/** What the screen can be switched to, in this order. */
export const MEASURES: readonly Measure[] = [
  { key: "dice", name: "Dice", lowerIsBetter: false, explain: () => "Overlap of areas. 1 is the same area." },
  {
    key: "hd95",
    name: "HD95",
    lowerIsBetter: true,
    explain: (unit) =>
      `How far apart the borders are, in ${unit}: 95 % of them are nearer. A missed structure counts the picture’s diagonal. Smaller is better.`,
  },
  {
    key: "nsd_2",
    name: "Surface Dice",
    lowerIsBetter: false,
    explain: (unit) => `Share of the borders that lie within 2 ${unit} of each other.`,
  },
  {
    key: "presence_f1",
    name: "Presence",
    lowerIsBetter: false,
    explain: () => "Whether a frame shows the structure at all, from 20 pixels on: F1 over frames.",
  },
  {
    key: "ece",
    name: "Calibration",
    lowerIsBetter: true,
    explain: () =>
      "How far the model’s stated probability is from how often it is right, near borders. Smaller is better.",
  },
];

const NOTHING: Interval = { mean: null, low: null, high: null };

/** A measure of the whole model, or of one structure; nothing where it was not measured. */
export function intervalOf(part: Pick<Scores, "dice" | "measures">, key: MeasureKey): Interval {
  return key === "dice" ? part.dice : (part.measures[key] ?? NOTHING);
}

/** The measures a model was scored on: those scored long ago have Dice only. */
export function measuresOf(scores: Scores): readonly Measure[] {
  return MEASURES.filter(({ key }) => key === "dice" || key in scores.measures);
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
  const values = valuesOf(intervals);
  const least = values.length ? Math.min(...values) : 0;
  const most = values.length ? Math.max(...values) : 1;
  const step = most - least > 0.4 ? 0.2 : 0.1;
  const high = Math.min(1, Math.max(roundUp(most, step), 0.2));
  const low = Math.max(0, Math.min(roundDown(least, step), roundDown(high - 0.2, step)));
  const ticks: number[] = [];
  for (let tick = low; tick <= high + step / 100; tick += step) ticks.push(Math.round(tick * 100) / 100);
  return { low, high, ticks, digits: 1 };
}

/** The axis of what is best at 0, such as distances: from 0 in round steps, six at most. */
export function axisFromZero(intervals: readonly Interval[]): Axis {
  const most = Math.max(...valuesOf(intervals), 1e-3);
  const size = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.5, 1, 2].map((each) => each * size).find((each) => most / each <= 6) ?? 2 * size;
  const steps = Math.max(1, Math.ceil(most / step - 1e-9));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    low: 0,
    high: steps * step,
    ticks: Array.from({ length: steps + 1 }, (_, n) => Number((n * step).toFixed(digits))),
    digits,
  };
}

export function axisFor(measure: Measure, intervals: readonly Interval[]): Axis {
  return measure.lowerIsBetter ? axisFromZero(intervals) : axisOf(intervals);
}

function valuesOf(intervals: readonly Interval[]): number[] {
  return intervals.flatMap(({ mean, low, high }) => [mean, low, high]).filter((value) => value !== null);
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

/** ".87", "3.2" for a distance, "–" where there is none. */
export function valueText(key: MeasureKey, value: number | null): string {
  if (value === null) return "–";
  return key === "hd95" ? value.toFixed(1) : score(value, 2);
}

export function diceText(value: number | null): string {
  return valueText("dice", value);
}

/** "+.02", "−.01", "±.00": a signed difference. */
export function differenceText(value: number, key: MeasureKey = "dice"): string {
  const size = valueText(key, Math.abs(value));
  if (Number(size) === 0) return `±${size}`;
  return (value > 0 ? "+" : "−") + size;
}

/** Whether a difference is more than noise: its interval must leave out zero. Without one nobody can tell. */
export function trend(
  low: number | null,
  high: number | null,
  lowerIsBetter = false,
): "better" | "worse" | "noise" {
  if (low === null || high === null) return "noise";
  if (low > 0) return lowerIsBetter ? "worse" : "better";
  if (high < 0) return lowerIsBetter ? "better" : "worse";
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

/** What the gate asks of a model that is to replace the champion, in one sentence. */
export const GATE_ASKS =
  "On the same test subjects, mean Dice must not be lower by more than .005 (95 % sure), no structure by more than .02, HD95 not larger by more than 10 %, and the calibration error not larger by more than .02.";
