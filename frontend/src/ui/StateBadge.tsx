import styles from "./StateBadge.module.css";

/** Every state that people see, in their words. */
const WORDS: Record<string, string> = {
  untouched: "Untouched",
  open: "In work",
  submitted: "Waiting for review",
  returned: "Returned",
  accepted: "Gold",
  processing: "Reading",
  ready: "Ready",
  partial: "Partial",
  failed: "Failed",
  queued: "Waiting",
  running: "Running",
  done: "Done",
  cancelled: "Cancelled",
  quarantined: "Set aside",
  finished: "Finished",
  writing: "Writing",
  candidate: "Candidate",
  champion: "Champion",
  retired: "Retired",
};

const TONES: Record<string, string> = {
  open: "open",
  submitted: "submitted",
  returned: "returned",
  accepted: "accepted",
  processing: "busy",
  running: "busy",
  writing: "busy",
  partial: "open",
  failed: "returned",
  quarantined: "returned",
  ready: "accepted",
  done: "accepted",
  finished: "accepted",
  champion: "accepted",
};

/** A dot and a word: colour never says it alone. */
export function StateBadge({ state, title }: { state: string; title?: string }) {
  return (
    <span className={styles.badge} data-tone={TONES[state] ?? "untouched"} title={title}>
      <span className={styles.dot} />
      {WORDS[state] ?? state}
    </span>
  );
}
