import type { Run, RunMetric } from "../../api/types";
import { duration } from "../../ui/format";

/** One curve: x are epochs (rising), y the value at each; null where that epoch has none. */
export interface Curves {
  epochs: number[];
  loss: (number | null)[];
  validationLoss: (number | null)[];
  dice: (number | null)[];
}

/** What came before and what is new, in order, each line once: answers of two requests may overlap. */
export function append(known: readonly RunMetric[], fresh: readonly RunMetric[]): RunMetric[] {
  const last = known.at(-1)?.sequence ?? -1;
  const added = fresh.filter((metric) => metric.sequence > last);
  return added.length ? [...known, ...added] : [...known];
}

export function lastSequence(metrics: readonly RunMetric[]): number {
  return metrics.at(-1)?.sequence ?? 0;
}

const LOSS = ["loss", "train_loss"];
const VALIDATION_LOSS = ["val_loss"];
const DICE = ["val_dice", "dice"];

function numberOf(metric: RunMetric, names: readonly string[]): number | null {
  for (const name of names) {
    const value = metric[name];
    if (typeof value === "number" && Number.isFinite(value)) return value;
  }
  return null;
}

/**
 * One point an epoch. Steps inside an epoch are averaged until the epoch's own line comes; an epoch done
 * again after a resume counts with its newest values.
 */
export function curvesOf(metrics: readonly RunMetric[]): Curves {
  interface Point {
    steps: number[];
    loss: number | null;
    validationLoss: number | null;
    dice: number | null;
  }
  const points = new Map<number, Point>();
  for (const metric of metrics) {
    if (typeof metric.epoch !== "number") continue;
    const loss = numberOf(metric, LOSS);
    const validationLoss = numberOf(metric, VALIDATION_LOSS);
    const dice = numberOf(metric, DICE);
    if (loss === null && validationLoss === null && dice === null) continue;
    const point = points.get(metric.epoch) ?? { steps: [], loss: null, validationLoss: null, dice: null };
    points.set(metric.epoch, point);
    if (metric.event === "step") {
      if (loss !== null) point.steps.push(loss);
      continue;
    }
    point.loss = loss ?? point.loss;
    point.validationLoss = validationLoss ?? point.validationLoss;
    point.dice = dice ?? point.dice;
  }
  const epochs = [...points.keys()].sort((a, b) => a - b);
  const rows = epochs.map((epoch) => points.get(epoch) as Point);
  return {
    epochs,
    loss: rows.map(({ loss, steps }) => loss ?? mean(steps)),
    validationLoss: rows.map((point) => point.validationLoss),
    dice: rows.map((point) => point.dice),
  };
}

function mean(values: readonly number[]): number | null {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

/** The best value and its epoch; null where the curve is empty. */
export function best(
  epochs: readonly number[],
  values: readonly (number | null)[],
): { epoch: number; value: number } | null {
  let found: { epoch: number; value: number } | null = null;
  values.forEach((value, i) => {
    if (value !== null && (!found || value > found.value)) found = { epoch: epochs[i], value };
  });
  return found;
}

/** What a run is doing, in one plain sentence. */
export function stateSentence(run: Run): string {
  switch (run.state) {
    case "queued":
      return "Waiting for a training worker.";
    case "running":
      // `epoch` counts those done; the job's message knows the one under way.
      return (
        run.job?.message || (run.epoch > 0 ? `Epoch ${run.epoch} of ${run.epochs}` : "Reading the dataset")
      );
    case "finished":
      return run.model
        ? `Finished after ${run.epoch} epochs. It became model ${run.model.number}.`
        : `Finished after ${run.epoch} epochs.`;
    case "cancelled":
      return `Cancelled after ${run.epoch} of ${run.epochs} epochs. What it has learned is kept.`;
    case "failed":
      return `Failed after ${run.epoch} of ${run.epochs} epochs. What it has learned is kept.`;
  }
}

/** "6 min left"; empty where nobody knows. */
export function timeLeft(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  return `about ${duration(seconds)} left`;
}

/** How far a run is, 0 to 1, as finely as it is known; null where nobody knows. */
export function progressOf(run: Run): number | null {
  const { progress_done = 0, progress_total = 0 } = run.job ?? {};
  if (progress_total > 0) return progress_done / progress_total;
  return run.epochs && run.epoch ? run.epoch / run.epochs : null;
}
