import { StackedBar } from "./Bars";

/** Counts of selected frames by state; `drafted` of the untouched have a draft. */
export interface StateCounts {
  selected: number;
  accepted: number;
  submitted: number;
  returned: number;
  open: number;
}

/** Selected frames drawn by state, gold first. The rest of the bar is untouched. */
export function FrameStatesBar({
  counts,
  whole,
  height,
}: {
  counts: StateCounts;
  whole?: number;
  height?: number;
}) {
  return (
    <StackedBar
      height={height}
      whole={whole ?? counts.selected}
      parts={[
        { name: "gold", value: counts.accepted, color: "var(--state-accepted)" },
        { name: "waiting for review", value: counts.submitted, color: "var(--state-submitted)" },
        { name: "returned", value: counts.returned, color: "var(--state-returned)" },
        { name: "in work", value: counts.open, color: "var(--state-open)" },
      ]}
    />
  );
}

const NAMES = [
  ["accepted", "Gold"],
  ["submitted", "Waiting for review"],
  ["returned", "Returned"],
  ["open", "In work"],
  ["untouched", "Untouched"],
] as const;

/** What the colours of states mean. */
export function FrameStatesLegend() {
  return (
    <span className="small quiet" style={{ display: "inline-flex", flexWrap: "wrap", gap: "4px 16px" }}>
      {NAMES.map(([state, name]) => (
        <span key={state} style={{ display: "inline-flex", alignItems: "center", gap: 6 }}>
          <span style={{ width: 8, height: 8, borderRadius: 2, background: `var(--state-${state})` }} />
          {name}
        </span>
      ))}
    </span>
  );
}
