import { ActionIcon, Button } from "@mantine/core";
import { IconEye, IconEyeOff, IconLock, IconLockOpen } from "@tabler/icons-react";
import { memo, useEffect, useRef } from "react";
import type { FrameDetail, Label } from "../../api/types";
import { BACKGROUND, chordName, type EditorSession, type EditorState } from "../../editor";
import { score } from "../../ui/format";
import { RelativeTime } from "../../ui/RelativeTime";
import { ComparePanel } from "./ComparePanel";
import { DraftThreshold } from "./DraftThreshold";
import styles from "./Editor.module.css";
import { HistoryPanel } from "./HistoryPanel";
import { KeyHint, NO_KEY, useKeyName } from "./keyNames";
import { StructureMenu } from "./StructureMenu";
import { isStillDraft, useAtStep } from "./thresholds";
import type { Layers } from "./useLayers";
import { ViewPanel } from "./ViewPanel";

/** Labels, how they are shown, what the model thought, what the reviewer wrote. */
export const SidePanel = memo(function SidePanel({
  session,
  state,
  labels,
  detail,
  layers,
  onAcceptDraft,
}: {
  session: EditorSession;
  state: EditorState;
  labels: readonly Label[];
  detail: FrameDetail | null;
  layers: Layers;
  onAcceptDraft: () => Promise<void>;
}) {
  const { editor } = session;
  const confidence = detail?.draft?.confidence ?? {};
  const isDraft = useAtStep(editor, () => isStillDraft(editor, detail?.annotation != null));
  return (
    <aside className={styles.side} aria-label="Labels and view">
      {detail?.review && <ReviewNotes detail={detail} />}
      <section>
        <div className={styles.sideHead}>
          <h2>Labels</h2>
          {detail?.draft && <span>draft</span>}
        </div>
        <ul className={styles.labels}>
          {labels.map((label) => (
            <LabelRow
              key={label.index}
              label={label}
              labels={labels}
              session={session}
              current={state.label === label.index}
              hidden={state.hidden.has(label.index)}
              locked={state.locked.has(label.index)}
              readOnly={state.readOnly}
              confidence={confidence[label.index] ?? null}
              hasDraft={Boolean(detail?.draft)}
            />
          ))}
          <li className={styles.label} data-current={state.label === BACKGROUND || undefined}>
            <button
              type="button"
              className={styles.pick}
              aria-pressed={state.label === BACKGROUND}
              disabled={state.readOnly}
              onClick={() => editor.setLabel(BACKGROUND)}
            >
              <span className={styles.swatch} data-background />
              <span className="cut">Background</span>
            </button>
            <KeyHint>X</KeyHint>
          </li>
        </ul>
      </section>

      {detail?.draft && (
        <section>
          <div className={styles.sideHead}>
            <h2>Draft of model {detail.draft.model.number}</h2>
            {detail.draft.uncertainty !== null && (
              <em title="0 sure, 1 unsure">uncertainty {score(detail.draft.uncertainty, 2)}</em>
            )}
          </div>
          {!state.readOnly && detail.state !== "submitted" && detail.state !== "accepted" && (
            <Button
              size="xs"
              variant="default"
              title="Save the draft as it is"
              rightSection={<KeyHint>Y</KeyHint>}
              onClick={() => void onAcceptDraft()}
            >
              Accept draft
            </Button>
          )}
          {!state.readOnly && isDraft && (
            <DraftThreshold key={detail.id} session={session} state={state} confidence={layers.confidence} />
          )}
        </section>
      )}

      <ComparePanel layers={layers} />

      <ViewPanel session={session} state={state} />
      {detail && <HistoryPanel key={detail.id} detail={detail} />}
    </aside>
  );
});

/** A dozen of them: a stroke or another frame must not render them anew. */
const LabelRow = memo(function LabelRow({
  label,
  labels,
  session,
  current,
  hidden,
  locked,
  readOnly,
  confidence,
  hasDraft,
}: {
  label: Label;
  labels: readonly Label[];
  session: EditorSession;
  current: boolean;
  hidden: boolean;
  locked: boolean;
  readOnly: boolean;
  /** 0-1; null: the draft says nothing of this label. */
  confidence: number | null;
  hasDraft: boolean;
}) {
  const { editor } = session;
  const row = useRef<HTMLLIElement>(null);
  const [lockKey, hideKey] = [useKeyName("Alt L"), useKeyName("Shift H")];
  /** Keys are for the label in hand. */
  const withKey = (words: string, key: string) => (current ? `${words} (${key})` : words);
  // The row's own: to React the menu, which lies elsewhere on the page, is in the row, and its end is no leaving.
  useEffect(() => {
    const stop = new AbortController();
    const point = () => editor.setHighlighted(label.index);
    const leave = () => editor.setHighlighted(null);
    row.current?.addEventListener("pointerenter", point, { signal: stop.signal });
    row.current?.addEventListener("pointerleave", leave, { signal: stop.signal });
    return () => {
      stop.abort();
      if (editor.getState().highlighted === label.index) leave();
    };
  }, [editor, label.index]);
  return (
    <li
      ref={row}
      className={styles.label}
      data-current={current || undefined}
      data-hidden={hidden || undefined}
    >
      <button
        type="button"
        className={styles.pick}
        aria-pressed={current}
        disabled={readOnly}
        title={label.name}
        onClick={() => editor.setLabel(label.index)}
      >
        <span className={styles.swatch} style={{ background: label.color }} />
        <span className="cut">{label.name}</span>
      </button>
      <StructureMenu label={label} labels={labels} session={session} disabled={readOnly} />
      <ActionIcon
        className={styles.toggle}
        data-on={locked || undefined}
        size={22}
        variant="transparent"
        color="gray"
        aria-label={locked ? `Unlock ${label.name}` : `Lock ${label.name}`}
        aria-pressed={locked}
        title={withKey(locked ? "Locked: painting leaves it alone" : "Lock against painting", lockKey)}
        onClick={() => editor.setLocked(label.index, !locked)}
      >
        {locked ? <IconLock size={14} /> : <IconLockOpen size={14} />}
      </ActionIcon>
      <ActionIcon
        className={styles.toggle}
        data-on={hidden || undefined}
        size={22}
        variant="transparent"
        color="gray"
        aria-label={hidden ? `Show ${label.name}` : `Hide ${label.name}`}
        aria-pressed={hidden}
        title={withKey(hidden ? "Show" : "Hide", hideKey)}
        onClick={() => editor.setHidden(label.index, !hidden)}
      >
        {hidden ? <IconEyeOff size={14} /> : <IconEye size={14} />}
      </ActionIcon>
      {hasDraft && (
        <span
          className={styles.confidence}
          data-low={(confidence !== null && confidence < 0.75) || undefined}
          title={
            confidence === null
              ? `The draft has no score for ${label.name}`
              : `The draft is ${score(confidence, 2)} sure of ${label.name}`
          }
        >
          {confidence === null ? "–" : score(confidence, 2)}
        </span>
      )}
      <LabelKey label={label} at={labels.indexOf(label)} />
    </li>
  );
});

/** A label without a digit has the key that this person gave it. */
function LabelKey({ label, at }: { label: Label; at: number }) {
  const none = chordName(`label.${at + 1}`);
  const own = useKeyName(none);
  if (label.key) return <KeyHint>{label.key}</KeyHint>;
  return own === none || own === NO_KEY ? <span className={styles.noKey} /> : <kbd>{own}</kbd>;
}

function ReviewNotes({ detail }: { detail: FrameDetail }) {
  const { review } = detail;
  if (!review) return null;
  return (
    <section data-testid="review-notes">
      <h2>{review.verdict === "returned" ? "Returned" : "Accepted"}</h2>
      <p className={styles.hint}>
        {review.reviewer}, <RelativeTime at={review.created_at} />, on r{review.revision}
      </p>
      {review.comment && <p className={styles.comment}>{review.comment}</p>}
      {review.points.length > 0 && (
        <ol className={styles.notes}>
          {review.points.map((point) => (
            <li key={`${point.x},${point.y},${point.text}`}>{point.text}</li>
          ))}
        </ol>
      )}
    </section>
  );
}
