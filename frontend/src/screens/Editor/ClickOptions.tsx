import { Button } from "@mantine/core";
import type { EditorSession, EditorState } from "../../editor";
import { plural, score } from "../../ui/format";
import { KeyHint } from "./keyNames";
import styles from "./ToolStrip.module.css";

/** What the click tool waits for, and what it was told. `why`: there is no model for it. */
export function ClickOptions({
  session,
  state,
  why,
}: {
  session: EditorSession;
  state: EditorState;
  why: string | null;
}) {
  const { editor } = session;
  const { phase, hints, score: sure, pixels, message, mayRetry } = state.assist;
  if (why !== null)
    return (
      <span className={styles.problem} role="status" data-testid="clicks-unavailable">
        {why}
      </span>
    );
  const label = state.labels.find(({ index }) => index === state.label)?.name;
  return (
    <div className={styles.part} data-testid="clicks" data-phase={phase} data-hints={hints}>
      <span role="status" className={phase === "failed" ? styles.problem : undefined}>
        {phase === "idle" && (message || (label ? `Point at ${label}` : "Take a label first"))}
        {phase === "asking" && (message || "Asking the model…")}
        {phase === "failed" && message}
        {phase === "proposed" &&
          (message || `${plural(pixels, "pixel")} would change, ${score(sure ?? 0, 2)} sure`)}
      </span>
      {mayRetry && (
        <Button size="compact-xs" variant="default" onClick={() => editor.retryAssist()}>
          Try again
        </Button>
      )}
      {hints > 0 ? (
        <>
          <Button size="compact-xs" disabled={phase !== "proposed"} onClick={() => editor.finish()}>
            Take it <KeyHint>Enter</KeyHint>
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => editor.stepBack()}>
            Back <KeyHint>Backspace</KeyHint>
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => editor.cancel()}>
            Leave <KeyHint>Esc</KeyHint>
          </Button>
        </>
      ) : (
        <span className={styles.quiet}>Right click: not here · drag: box · Shift drag: line</span>
      )}
    </div>
  );
}
