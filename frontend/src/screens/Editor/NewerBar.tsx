import { Button } from "@mantine/core";
import styles from "./Editor.module.css";
import type { Newer } from "./handIn";

/** A submit or verdict was refused: it would have been about a revision nobody here has seen. */
export function NewerBar({ newer, onLoad }: { newer: Newer; onLoad: () => void }) {
  return (
    <div className={styles.offer} role="alert" data-testid="newer">
      <span>
        Nothing was handed in: {newer.author} saved r{newer.number} meanwhile, and you have not seen it.
      </span>
      <Button size="compact-xs" onClick={onLoad}>
        Load r{newer.number}
      </Button>
    </div>
  );
}
