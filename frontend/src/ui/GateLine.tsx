import type { Gate } from "../api/types";
import styles from "./GateLine.module.css";

const MARKS = { passed: "✓", kept: "✕", undecided: "?" } as const;

/** The gate's verdict: what it says first, each reason a line below. Nothing when `besides` says the same already. */
export function GateLine({ gate, besides }: { gate: Gate; besides?: string | null }) {
  if (besides === gate.verdict) return null;
  const state = gate.passed ? "passed" : gate.passed === null ? "undecided" : "kept";
  const many = gate.reasons.length > 1;
  const said = many ? gate.verdict.slice(0, gate.verdict.indexOf(":") + 1) : gate.verdict;
  return (
    <div className={styles.gate} data-gate={state}>
      <span className={styles.mark} aria-hidden="true">
        {MARKS[state]}
      </span>
      <div>
        <p>{said}</p>
        {many && (
          <ul>
            {gate.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
