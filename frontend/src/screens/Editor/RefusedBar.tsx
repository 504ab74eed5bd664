import { Button } from "@mantine/core";
import { Link } from "react-router";
import type { Project } from "../../api/types";
import styles from "./Editor.module.css";

/** The server will not take what was drawn: why, in full, and what can be done. */
export function RefusedBar({
  message,
  project,
  retry,
}: {
  message: string;
  project: Project;
  retry: () => void;
}) {
  return (
    <div className={styles.offer} role="alert" data-testid="refused">
      <span>
        Not saved: {message} What you drew is kept on this device. If the frame was deleted, or you were taken
        out of the project, ask a manager; nothing more can be saved here.
      </span>
      <Button size="compact-xs" onClick={retry}>
        Try again
      </Button>
      <Button component={Link} to={`/p/${project.id}`} size="compact-xs" variant="subtle" color="gray">
        Back to the project
      </Button>
    </div>
  );
}
