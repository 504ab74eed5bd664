import type { Comparison, Label, Scores } from "../../api/types";
import { plural } from "../../ui/format";
import { DotAxis, DotRow } from "./DotPlot";
import { axisOf, diceText, differenceText, trend } from "./intervals";
import styles from "./Models.module.css";

const TREND_WORDS = { better: "better", worse: "worse", noise: "within noise" } as const;

/**
 * One row a structure: both models' Dice with their 95 % intervals, and the difference. `comparison` null: there is
 * no champion to compare with, and the candidate's scores stand alone.
 */
export function ComparisonTable({
  candidate,
  champion,
  comparison,
  labels,
}: {
  candidate: Scores;
  champion: Scores | null;
  comparison: Comparison | null;
  labels: readonly Label[];
}) {
  const known = Object.entries(candidate.labels);
  const axis = axisOf([
    candidate.dice,
    ...(champion ? [champion.dice, ...Object.values(champion.labels).map((each) => each.dice)] : []),
    ...known.map(([, each]) => each.dice),
  ]);
  const order = new Map(labels.map((label) => [String(label.index), label.position]));
  const rows = known.sort(([a], [b]) => (order.get(a) ?? 999) - (order.get(b) ?? 999));
  return (
    <table className={styles.scores}>
      <thead>
        <tr>
          <th scope="col">Structure</th>
          <th scope="col">
            <DotAxis axis={axis} />
          </th>
          <th scope="col" className={styles.number}>
            Dice
          </th>
          {comparison && (
            <th scope="col" className={styles.number}>
              Difference
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        <tr className={styles.whole}>
          <th scope="row">All structures</th>
          <td>
            <DotRow axis={axis} candidate={candidate.dice} champion={champion?.dice ?? null} />
          </td>
          <td className={styles.number}>{diceText(candidate.dice.mean)}</td>
          {comparison && (
            <td className={styles.number}>
              {comparison.difference?.mean != null && (
                <Difference
                  mean={comparison.difference.mean}
                  low={comparison.difference.low}
                  high={comparison.difference.high}
                />
              )}
            </td>
          )}
        </tr>
        {rows.map(([index, each]) => {
          const label = labels.find((one) => String(one.index) === index);
          const difference = comparison?.labels.find((one) => String(one.index) === index);
          return (
            <tr key={index}>
              <th scope="row">
                <span className={styles.structure}>
                  <span
                    className={styles.swatch}
                    style={{ background: label?.color ?? "var(--line-strong)" }}
                  />
                  <span className="cut" title={`${each.name}: ${plural(each.n, "frame")} have it`}>
                    {each.name}
                  </span>
                </span>
              </th>
              <td>
                <DotRow axis={axis} candidate={each.dice} champion={champion?.labels[index]?.dice ?? null} />
              </td>
              <td className={styles.number}>{diceText(each.dice.mean)}</td>
              {comparison && (
                <td className={styles.number}>
                  {difference && (
                    <Difference mean={difference.difference} low={difference.low} high={difference.high} />
                  )}
                </td>
              )}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Difference({ mean, low, high }: { mean: number; low: number | null; high: number | null }) {
  const kind = differenceText(mean) === "±.00" ? "noise" : trend(low, high);
  return (
    <span
      className={styles.difference}
      data-trend={kind}
      title={
        low === null || high === null
          ? "One test subject only: chance cannot be told apart"
          : `95 % interval ${differenceText(low)} to ${differenceText(high)}: ${TREND_WORDS[kind]}`
      }
    >
      {kind === "better" ? "▲ " : kind === "worse" ? "▼ " : ""}
      {differenceText(mean)}
    </span>
  );
}
