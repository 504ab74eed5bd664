import styles from "./Bars.module.css";

export interface BarPart {
  name: string;
  value: number;
  /** Any CSS colour. */
  color: string;
}

/** Parts of one whole, drawn to scale side by side. `whole` larger than the sum leaves the rest empty. */
export function StackedBar({
  parts,
  whole,
  height = 8,
}: {
  parts: BarPart[];
  whole?: number;
  height?: number;
}) {
  const sum = parts.reduce((total, part) => total + part.value, 0);
  const all = Math.max(whole ?? sum, sum, 1);
  const words = parts
    .filter((part) => part.value > 0)
    .map((part) => `${part.name} ${part.value}`)
    .join(", ");
  return (
    <div
      className={styles.stacked}
      style={{ height }}
      role="img"
      aria-label={words || "nothing yet"}
      title={words}
    >
      {parts.map(
        (part) =>
          part.value > 0 && (
            <span key={part.name} style={{ width: `${(100 * part.value) / all}%`, background: part.color }} />
          ),
      )}
    </div>
  );
}

/** How far something is: a thin line that fills. `value` null: busy, no telling how long. */
export function ProgressLine({
  value,
  tone = "accent",
}: {
  value: number | null;
  tone?: "accent" | "danger";
}) {
  return (
    <div
      className={styles.progress}
      data-busy={value === null || undefined}
      data-tone={tone}
      role="progressbar"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === null ? undefined : Math.round(value * 100)}
    >
      <span style={{ width: value === null ? undefined : `${Math.min(1, Math.max(0, value)) * 100}%` }} />
    </div>
  );
}

/** A line of small upright bars; the highest fills the height. */
export function Sparkbars({
  values,
  titles,
  height = 40,
  color = "var(--accent)",
}: {
  values: number[];
  titles?: string[];
  height?: number;
  color?: string;
}) {
  const top = Math.max(...values, 1);
  return (
    <div className={styles.spark} style={{ height }}>
      {values.map((value, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place in the line
        <span key={at} className={styles.sparkSlot} title={titles?.[at]}>
          <span
            style={{
              height: value > 0 ? `max(2px, ${(100 * value) / top}%)` : "1px",
              background: value > 0 ? color : "var(--line-strong)",
            }}
          />
        </span>
      ))}
    </div>
  );
}
