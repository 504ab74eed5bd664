import type { ReactNode } from "react";
import styles from "./EmptyState.module.css";

/** Nothing here yet: what to do next, and the one button that does it. */
export function EmptyState({
  title,
  text,
  action,
  picture,
}: {
  title: string;
  text?: ReactNode;
  action?: ReactNode;
  picture?: ReactNode;
}) {
  return (
    <div className={styles.empty}>
      {picture && <div className={styles.picture}>{picture}</div>}
      <h2 className={styles.title}>{title}</h2>
      {text && <p className={styles.text}>{text}</p>}
      {action && <div className={styles.action}>{action}</div>}
    </div>
  );
}
