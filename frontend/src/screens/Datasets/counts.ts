import type { Dataset, DatasetLabel, Split, SplitCounts } from "../../api/types";

export const SPLITS: readonly Split[] = ["train", "val", "test"];
export const SPLIT_WORDS: Record<Split, string> = { train: "Training", val: "Validation", test: "Test" };

export interface LabelRow {
  label: DatasetLabel;
  frames: Record<Split, number>;
  total: number;
  /** The service's sentences that name this label. */
  warnings: string[];
}

/** Counts of one label in each split, in the labels' order, with the warnings that name it. */
export function labelRows(
  labels: readonly DatasetLabel[],
  counts: Record<Split, SplitCounts>,
  warnings: readonly string[],
): LabelRow[] {
  const claimed = claimWarnings(labels, warnings);
  return labels.map((label) => {
    const frames = Object.fromEntries(
      SPLITS.map((split) => [split, counts[split]?.labels[label.index]?.frames ?? 0]),
    ) as Record<Split, number>;
    return {
      label,
      frames,
      total: frames.train + frames.val + frames.test,
      warnings: warnings.filter((_, i) => claimed[i] === label.index),
    };
  });
}

/** Warnings that name no label: they belong above the bars. */
export function generalWarnings(labels: readonly DatasetLabel[], warnings: readonly string[]): string[] {
  const claimed = claimWarnings(labels, warnings);
  return warnings.filter((_, i) => claimed[i] === null);
}

/** For each warning the label it names; the longest name wins ("dura" lies inside "epidural fat"). */
function claimWarnings(labels: readonly DatasetLabel[], warnings: readonly string[]): (number | null)[] {
  const longestFirst = [...labels].sort((a, b) => b.name.length - a.name.length);
  return warnings.map((warning) => {
    const text = warning.toLowerCase();
    return longestFirst.find((label) => text.includes(label.name.toLowerCase()))?.index ?? null;
  });
}

/** What a version has more (or fewer) than the one before it; the first has everything. */
export function changeSince(version: Dataset, before: Dataset | null): string {
  if (!before) return "first version";
  const frames = version.frame_count - before.frame_count;
  const subjects = subjectCount(version) - subjectCount(before);
  const parts = [signed(frames, "frame"), signed(subjects, "subject")].filter((part) => part !== "");
  return parts.length
    ? `${parts.join(", ")} since version ${before.number}`
    : `same size as version ${before.number}`;
}

export function subjectCount(version: Pick<Dataset, "counts">): number {
  return SPLITS.reduce((sum, split) => sum + (version.counts[split]?.subjects ?? 0), 0);
}

function signed(count: number, word: string): string {
  if (count === 0) return "";
  const size = Math.abs(count);
  return `${count > 0 ? "+" : "−"}${size.toLocaleString("en")} ${word}${size === 1 ? "" : "s"}`;
}
