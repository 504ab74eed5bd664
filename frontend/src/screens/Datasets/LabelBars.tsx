import type { DatasetLabel, Split, SplitCounts } from "../../api/types";
import { count, plural } from "../../ui/format";
import { labelRows, SPLIT_WORDS, SPLITS } from "./counts";
import styles from "./Datasets.module.css";

const SPLIT_HEADS: Record<Split, string> = { train: "train", val: "val", test: "test" };

/** How many frames of each split have each structure, to one scale. */
export function LabelBars({
  labels,
  counts,
  warnings,
}: {
  labels: readonly DatasetLabel[];
  counts: Record<Split, SplitCounts>;
  warnings: readonly string[];
}) {
  const rows = labelRows(labels, counts, warnings);
  const most = Math.max(1, ...rows.map((row) => row.total));
  return (
    <table className={styles.labels}>
      <thead>
        <tr>
          <th scope="col" colSpan={2}>
            Frames with each structure
          </th>
          {SPLITS.map((split) => (
            <th key={split} scope="col" className={styles.number}>
              {SPLIT_HEADS[split]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.label.index}>
            <th scope="row">
              <span className={styles.name}>
                <span className={styles.swatch} style={{ background: row.label.color }} />
                <span className="cut" title={row.label.name}>
                  {row.label.name}
                </span>
              </span>
            </th>
            <td>
              <div className={styles.bar}>
                {SPLITS.map(
                  (split) =>
                    row.frames[split] > 0 && (
                      <span
                        key={split}
                        data-split={split}
                        title={`${SPLIT_WORDS[split]}: ${plural(row.frames[split], "frame")}`}
                        style={{ width: `${(100 * row.frames[split]) / most}%` }}
                      />
                    ),
                )}
              </div>
              {row.warnings.map((warning) => (
                <p key={warning} className={styles.rowWarning}>
                  {warning}
                </p>
              ))}
            </td>
            {SPLITS.map((split) => (
              <td key={split} className={styles.number} data-zero={row.frames[split] === 0 || undefined}>
                <span title={SPLIT_WORDS[split]}>{count(row.frames[split])}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
