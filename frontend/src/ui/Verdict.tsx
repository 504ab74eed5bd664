import styles from "./Verdict.module.css";

/** What came out, in one sentence: the first clause large, what follows a semicolon below it as its reasons. */
export function Verdict({ text }: { text: string }) {
  const [head, ...reasons] = text.split("; ");
  const rest = reasons.join("; ");
  return (
    <div className={styles.verdict}>
      <p className={styles.head}>{rest ? `${head}.` : head}</p>
      {rest && <p className="quiet">{rest.charAt(0).toUpperCase() + rest.slice(1)}</p>}
    </div>
  );
}
