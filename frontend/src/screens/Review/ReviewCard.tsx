import { useQuery } from "@tanstack/react-query";
import { memo, useEffect, useRef } from "react";
import { keys } from "../../api/keys";
import type { QueueItem } from "../../api/types";
import type { ColorTables } from "../../editor";
import { count } from "../../ui/format";
import { type UncertaintyRange, uncertaintyBar, uncertaintyText } from "../../ui/uncertainty";
import styles from "./Review.module.css";
import { changes, drawMask, loadDraft, loadThumbnail } from "./thumbnail";

/** A save of the frame makes its thumbnail old, so it hangs on the frame's revisions. */
export const thumbnailKey = (frameId: number) => [...keys.revisions(frameId), "thumbnail"] as const;

/** One frame on the wall: its picture with masks, where it is from, how unsure the model was. */
export const ReviewCard = memo(function ReviewCard({
  item,
  colors,
  range,
  changesOnly,
  bare,
  isCurrent,
  isPicked,
  onPick,
  onOpen,
}: {
  item: QueueItem;
  colors: ColorTables;
  /** Of the frames on the wall. */
  range: UncertaintyRange;
  /** Show only what people changed in the draft. */
  changesOnly: boolean;
  /** No masks at all. */
  bare: boolean;
  isCurrent: boolean;
  isPicked: boolean;
  onPick: (frame: number, how: "point" | "toggle" | "range") => void;
  onOpen: (frame: number) => void;
}) {
  const { frame, clip } = item;
  const thumbnail = useQuery({
    queryKey: thumbnailKey(frame.id),
    queryFn: ({ signal }) => loadThumbnail(frame.id, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
  const draft = useQuery({
    queryKey: [...keys.frame(frame.id), "draft-thumbnail"],
    queryFn: ({ signal }) => loadDraft(frame.id, signal),
    enabled: changesOnly,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const picture = thumbnail.data?.picture;
    if (!picture || !canvas.current) return;
    canvas.current.width = picture.width;
    canvas.current.height = picture.height;
    canvas.current.getContext("2d")?.drawImage(picture, 0, 0);
  }, [thumbnail.data]);
  useEffect(() => {
    const map = thumbnail.data?.map;
    if (!map || !overlay.current) return;
    if (!changesOnly) drawMask(overlay.current, map, colors);
    else if (draft.data) drawMask(overlay.current, changes(map, draft.data), colors);
    else overlay.current.width = 0;
  }, [thumbnail.data, draft.data, changesOnly, colors]);
  useEffect(() => {
    if (isCurrent) box.current?.scrollIntoView({ block: "nearest" });
  }, [isCurrent]);

  return (
    // Keys are the wall's own (J, K, X, Y, N, Enter): they work without a focused card.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    // biome-ignore lint/a11y/useFocusableInteractive: see above
    // biome-ignore lint/a11y/useSemanticElements: only the rows in view are drawn, which a table cannot tell
    <div
      ref={box}
      className={styles.card}
      role="gridcell"
      aria-selected={isPicked}
      aria-current={isCurrent || undefined}
      data-testid="review-card"
      data-frame-id={frame.id}
      data-loaded={thumbnail.data !== undefined || undefined}
      onClick={(event) => {
        const toggles = event.ctrlKey || event.metaKey;
        onPick(frame.id, event.shiftKey ? "range" : toggles ? "toggle" : "point");
      }}
      onDoubleClick={() => onOpen(frame.id)}
    >
      <div className={styles.picture}>
        <canvas ref={canvas} />
        <canvas ref={overlay} hidden={bare} />
        {changesOnly && draft.data === null && <p className={styles.broken}>No draft to compare with</p>}
        {thumbnail.error && <p className={styles.broken}>{thumbnail.error.message}</p>}
        <button
          type="button"
          className={styles.pick}
          aria-pressed={isPicked}
          aria-label={`Pick clip ${clip.number}, frame ${count(frame.index + 1)} of ${clip.subject.pseudonym}`}
          tabIndex={isCurrent ? 0 : -1}
          onClick={(event) => {
            event.stopPropagation();
            onPick(frame.id, event.shiftKey ? "range" : "toggle");
          }}
          onDoubleClick={(event) => event.stopPropagation()}
        >
          <span className={styles.mark}>✓</span>
        </button>
      </div>
      <div className={styles.caption}>
        <span className="cut" title={clip.subject.pseudonym}>
          {clip.subject.pseudonym}
        </span>
        {frame.uncertainty !== null && (
          <span
            className={styles.uncertainty}
            title={`The model's draft: ${uncertaintyText(frame.uncertainty, range, "this wall")}`}
          >
            <span style={{ width: `${uncertaintyBar(frame.uncertainty, range) * 100}%` }} />
          </span>
        )}
        <span className={`quiet ${styles.place}`}>
          clip {clip.number} · frame {count(frame.index + 1)}
        </span>
        {frame.disagreement !== null && (
          <span className="quiet" title="How much of the model's draft people changed: 1 - Dice">
            {percentChanged(frame.disagreement)}
          </span>
        )}
      </div>
    </div>
  );
});

/** 0.034 → "3 % changed". */
function percentChanged(disagreement: number): string {
  const share = Math.round(disagreement * 100);
  return disagreement === 0 ? "unchanged" : `${share || "<1"} % changed`;
}
