import type { Comparison, Label, Scores } from "../../api/types";
import { plural } from "../../ui/format";
import { DotAxis, DotRow } from "./DotPlot";
import { axisFor, differenceText, intervalOf, type Measure, trend, valueText } from "./intervals";
import styles from "./Models.module.css";

const TREND_WORDS = { better: "better", worse: "worse", noise: "within noise" } as const;

/**
 * One row a structure: one measure of both models with their 95 % intervals, and the difference. `comparison` null:
 * there is no champion to compare with, and the candidate's scores stand alone.
 */
export function ComparisonTable({
  measure,
  candidate,
  champion,
  comparison,
  labels,
}: {
  measure: Measure;
  candidate: Scores;
  champion: Scores | null;
  comparison: Comparison | null;
  labels: readonly Label[];
}) {
  const known = Object.entries(candidate.labels);
  const { key } = measure;
  const differences = key === "dice" ? comparison : comparison?.measures[key];
  const whole = champion && intervalOf(champion, key);
  const axis = axisFor(measure, [
    intervalOf(candidate, key),
    ...(champion ? [champion, ...Object.values(champion.labels)].map((each) => intervalOf(each, key)) : []),
    ...known.map(([, each]) => intervalOf(each, key)),
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
            {key === "hd95" ? `HD95, ${candidate.unit ?? "px"}` : measure.name}
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
            <DotRow axis={axis} measure={key} candidate={intervalOf(candidate, key)} champion={whole} />
          </td>
          <td className={styles.number}>{valueText(key, intervalOf(candidate, key).mean)}</td>
          {comparison && (
            <td className={styles.number}>
              {differences?.difference?.mean != null && (
                <Difference
                  measure={measure}
                  mean={differences.difference.mean}
                  low={differences.difference.low}
                  high={differences.difference.high}
                />
              )}
            </td>
          )}
        </tr>
        {rows.map(([index, each]) => {
          const label = labels.find((one) => String(one.index) === index);
          const difference = differences?.labels.find((one) => String(one.index) === index);
          const theirs = champion?.labels[index];
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
                <DotRow
                  axis={axis}
                  measure={key}
                  candidate={intervalOf(each, key)}
                  champion={theirs ? intervalOf(theirs, key) : null}
                />
              </td>
              <td className={styles.number}>{valueText(key, intervalOf(each, key).mean)}</td>
              {comparison && (
                <td className={styles.number}>
                  {difference && (
                    <Difference
                      measure={measure}
                      mean={difference.difference}
                      low={difference.low}
                      high={difference.high}
                    />
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

function Difference({
  measure,
  mean,
  low,
  high,
}: {
  measure: Measure;
  mean: number;
  low: number | null;
  high: number | null;
}) {
  const shown = differenceText(mean, measure.key);
  const kind = shown.startsWith("±") ? "noise" : trend(low, high, measure.lowerIsBetter);
  return (
    <span
      className={styles.difference}
      data-trend={kind}
      title={
        low === null || high === null
          ? "One test subject only: chance cannot be told apart"
          : `95 % interval ${differenceText(low, measure.key)} to ${differenceText(high, measure.key)}: ${TREND_WORDS[kind]}`
      }
    >
      {kind === "noise" ? "" : mean > 0 ? "▲ " : "▼ "}
      {shown}
    </span>
  );
}
