import { useElementSize } from "@mantine/hooks";
import type { Interval } from "../../api/types";
import { score } from "../../ui/format";
import styles from "./DotPlot.module.css";
import { type Axis, type MeasureKey, place, valueText } from "./intervals";

/** Room left and right of the axis, so that dots and tick words at its ends are not cut. */
const MARGIN = 14;
const ROW_HEIGHT = 32;

function useAxisScale(axis: Axis) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const x = (value: number) => MARGIN + place(axis, value) * Math.max(0, width - 2 * MARGIN);
  return { ref, width, x };
}

/** One model's mean as a dot on its interval. */
function Dot({ value, x, y, kind }: { value: Interval; x: (v: number) => number; y: number; kind: string }) {
  const className = styles[kind];
  const { mean, low, high } = value;
  if (mean === null) return null;
  return (
    <g className={className}>
      {low !== null && high !== null && (
        <line className={styles.whisker} x1={x(low)} x2={x(high)} y1={y} y2={y} />
      )}
      <circle cx={x(mean)} cy={y} r={4.5} />
    </g>
  );
}

function words(name: string, measure: MeasureKey, { mean, low, high }: Interval): string {
  const range = low === null ? "" : ` (${valueText(measure, low)} to ${valueText(measure, high)})`;
  return `${name} ${valueText(measure, mean)}${range}`;
}

/** Champion above, candidate below, on one axis: what lies apart is a difference, what overlaps is noise. */
export function DotRow({
  axis,
  measure,
  candidate,
  champion,
}: {
  axis: Axis;
  measure: MeasureKey;
  candidate: Interval | null;
  champion: Interval | null;
}) {
  const { ref, width, x } = useAxisScale(axis);
  const both = candidate !== null && champion !== null && champion.mean !== null;
  const label = [
    champion && words("champion", measure, champion),
    candidate && words("candidate", measure, candidate),
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <div ref={ref} title={label}>
      <svg className={styles.plot} height={ROW_HEIGHT} role="img" aria-label={label || "no scores"}>
        {width > 0 && (
          <>
            {axis.ticks.map((tick) => (
              <line key={tick} className={styles.grid} x1={x(tick)} x2={x(tick)} y1={0} y2={ROW_HEIGHT} />
            ))}
            {champion && <Dot value={champion} x={x} y={both ? 11 : 16} kind="champion" />}
            {candidate && <Dot value={candidate} x={x} y={both ? 21 : 16} kind="candidate" />}
          </>
        )}
      </svg>
    </div>
  );
}

/** The axis' numbers, above the rows. */
export function DotAxis({ axis }: { axis: Axis }) {
  const { ref, width, x } = useAxisScale(axis);
  return (
    <div ref={ref}>
      <svg className={styles.plot} height={18} aria-hidden="true">
        {width > 0 &&
          axis.ticks.map((tick) => (
            <text key={tick} className={styles.tick} x={x(tick)} y={12}>
              {score(tick, axis.digits)}
            </text>
          ))}
      </svg>
    </div>
  );
}
