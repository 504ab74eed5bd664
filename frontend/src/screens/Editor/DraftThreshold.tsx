import { Button, SegmentedControl, Slider } from "@mantine/core";
import { useEffect, useMemo, useState } from "react";
import { BACKGROUND, type EditorSession, type EditorState, withoutUnsure } from "../../editor";
import { plural } from "../../ui/format";
import styles from "./Editor.module.css";
import { takeOut, useAtStep } from "./thresholds";
import type { Confidence } from "./useConfidence";

/**
 * Take out of a draft nobody drew in what the model was not sure of, label by label. What would go is striped on the
 * picture; only the button changes the mask, as one step.
 */
export function DraftThreshold({
  session,
  state,
  confidence,
}: {
  session: EditorSession;
  state: EditorState;
  confidence: Confidence;
}) {
  const { editor } = session;
  const [percent, setPercent] = useState(0);
  const [all, setAll] = useState(false);
  const { map: sure, want } = confidence;
  const label = all ? null : state.label;
  const { frameId, locked, hidden, paintOver } = state;
  const steps = useAtStep(editor, () => editor.openFrame?.document.history.steps ?? 0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: steps, locks and the paint-over rule decide what may go
  const made = useMemo(() => {
    const frame = editor.openFrame;
    if (!sure || percent === 0 || !frame || frame.id !== frameId) return null;
    const erase = editor.mayReplace(BACKGROUND);
    return withoutUnsure(frame.document.labelmap, sure, percent / 100, label, erase);
  }, [editor, frameId, sure, percent, label, locked, hidden, paintOver, steps]);
  const shown = made && made.pixels > 0 ? made.map : null;
  useEffect(() => {
    if (!shown) return;
    editor.showProposal(shown);
    return () => editor.showProposal(null);
  }, [editor, shown]);

  return (
    <div className={styles.threshold} data-testid="draft-threshold" data-pixels={made?.pixels ?? 0}>
      <div className={styles.range} title="Take out what the model is less sure of than this">
        <span>Drop below</span>
        <Slider
          size="xs"
          min={0}
          max={95}
          value={percent}
          label={null}
          thumbLabel="Drop what the model is less sure of than this"
          onChange={(value) => {
            want();
            editor.cancel();
            setPercent(value);
          }}
        />
        <span>{percent === 0 ? "off" : `.${String(percent).padStart(2, "0")}`}</span>
      </div>
      {percent > 0 && confidence.missing ? (
        <p className={styles.hint}>{confidence.missing}</p>
      ) : (
        percent > 0 && (
          <>
            <SegmentedControl
              size="xs"
              fullWidth
              aria-label="Take out of"
              value={all ? "all" : "one"}
              onChange={(value) => setAll(value === "all")}
              data={[
                { value: "one", label: "This label" },
                { value: "all", label: "All labels" },
              ]}
            />
            <Button
              size="xs"
              fullWidth
              variant="default"
              disabled={!shown}
              onClick={() => {
                if (!shown) return;
                setPercent(0);
                if (editor.mayChange()) takeOut(editor, shown);
              }}
            >
              {made ? `Take out ${plural(made.pixels, "pixel")}` : "Loading…"}
            </Button>
          </>
        )
      )}
    </div>
  );
}
