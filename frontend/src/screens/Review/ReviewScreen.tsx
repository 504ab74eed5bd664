import { Button, Modal, SegmentedControl, Textarea } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useCallback, useEffect, useMemo, useReducer, useState } from "react";
import { Link, useNavigate } from "react-router";
import { type ReviewOrder, useProject, useReviewQueue } from "../../api/hooks";
import type { Label, Project, QueueItem } from "../../api/types";
import { useProjectId } from "../../app/params";
import { useKeys } from "../../app/useKeys";
import { colorTables } from "../../editor";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { Page } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { uncertaintyRange } from "../../ui/uncertainty";
import { VirtualRows } from "../../ui/VirtualRows";
import styles from "./Review.module.css";
import { ReviewCard } from "./ReviewCard";
import { ERASED } from "./thumbnail";
import { useHeldKey } from "./useHeldKey";
import { useVerdicts } from "./useVerdicts";
import { currentIndex, START, targets, wallReducer, worstFirst } from "./wall";

const GAP = 16;
const CARD = 260;
/** A card's picture is 4:3; under it stand the caption and the gap. */
const CAPTION = 48;

export default function ReviewScreen() {
  const projectId = useProjectId();
  const project = useProject(projectId);
  const [order, setOrder] = useState<ReviewOrder>("uncertainty");
  const queue = useReviewQueue(projectId, order);
  if (queue.error && !queue.rows.length)
    return <ErrorState error={queue.error} retry={() => void queue.refetch()} />;
  if (queue.isPending || !project.data)
    return (
      <Page title="Review" wide>
        <BlockSkeleton height={480} />
      </Page>
    );
  return (
    <Wall
      project={project.data}
      items={queue.rows}
      order={order}
      onOrder={setOrder}
      onNearEnd={() => {
        if (queue.hasNextPage && !queue.isFetchingNextPage) void queue.fetchNextPage();
      }}
      more={queue.hasNextPage}
    />
  );
}

/** How masks are shown on the wall. */
type Look = "filled" | "outlines" | "changes";

function tablesFor(labels: readonly Label[], look: Look) {
  const opacity = look === "changes" ? 0.8 : 0.35;
  const tables = colorTables(labels, { opacity, outlinesOnly: look === "outlines", hidden: new Set() });
  // What a person took away from the draft has no label's colour: a white outline.
  if (look === "changes") tables.outline[ERASED] = 0xffffffff;
  return tables;
}

function Wall({
  project,
  items,
  order,
  onOrder,
  onNearEnd,
  more,
}: {
  project: Project;
  items: readonly QueueItem[];
  order: ReviewOrder;
  onOrder: (order: ReviewOrder) => void;
  onNearEnd: () => void;
  more: boolean;
}) {
  const navigate = useNavigate();
  const { ref, width } = useElementSize<HTMLDivElement>();
  const [state, dispatch] = useReducer(wallReducer, START);
  const [returning, setReturning] = useState<number[] | null>(null);
  const judge = useVerdicts(dispatch);
  const [look, setLook] = useState<Look>("filled");
  const bare = useHeldKey("h");
  const colors = useMemo(() => tablesFor(project.labels, look), [project.labels, look]);
  useEffect(() => dispatch({ do: "listed", frames: items.map(({ frame }) => frame.id) }), [items]);

  const sorted = useMemo(() => worstFirst(items, order), [items, order]);
  const range = useMemo(() => uncertaintyRange(items.map(({ frame }) => frame)), [items]);
  const wall = useMemo(() => sorted.filter(({ frame }) => !state.gone.has(frame.id)), [sorted, state.gone]);
  const shown = useMemo(() => wall.map(({ frame }) => frame.id), [wall]);
  const current = shown[currentIndex(state, shown)] ?? null;
  const about = targets(state, shown);
  const mayReview = project.may.includes("review");
  const columns = Math.max(1, Math.floor((width + GAP) / (CARD + GAP)));
  const cardWidth = (width - GAP * (columns - 1)) / columns;

  const open = useCallback(
    (frame: number) => void navigate(`/p/${project.id}/frames/${frame}?queue=review`),
    [navigate, project.id],
  );
  const move = (by: number) => dispatch({ do: "move", by, shown });
  const accept = () => mayReview && about.length > 0 && void judge("accepted", about, shown);
  const pick = useCallback(
    (frame: number, how: "point" | "toggle" | "range") =>
      dispatch(
        how === "range"
          ? { do: how, to: frame, shown }
          : how === "toggle"
            ? { do: how, frame }
            : { do: how, at: frame },
      ),
    [shown],
  );
  const switchTo = (other: Look) => setLook((now) => (now === other ? "filled" : other));
  const askReturn = () => mayReview && about.length > 0 && setReturning(about);
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    arrowright: () => move(1),
    arrowleft: () => move(-1),
    arrowdown: () => move(columns),
    arrowup: () => move(-columns),
    x: () => current !== null && dispatch({ do: "toggle", frame: current }),
    "*": () => dispatch({ do: "all", shown }),
    o: () => switchTo("outlines"),
    d: () => switchTo("changes"),
    escape: () => dispatch({ do: "clear" }),
    y: accept,
    n: askReturn,
    enter: () => current !== null && open(current),
  });

  if (!wall.length) {
    return (
      <EmptyState
        title="Nothing waits for review"
        text="Frames appear here when an annotator submits them, the least certain first."
        action={
          <Button component={Link} to={`/p/${project.id}`} variant="default">
            Open the overview
          </Button>
        }
      />
    );
  }
  return (
    <Page
      title="Review"
      wide
      note={`${plural(wall.length, "frame")}${more ? " and more" : ""} ${wall.length === 1 ? "waits" : "wait"}, ${ORDER_WORDS[order]} first`}
      actions={
        <>
          <SegmentedControl
            size="xs"
            aria-label="Order"
            value={order}
            onChange={(value) => onOrder(value as ReviewOrder)}
            data={[
              { value: "uncertainty", label: "Least certain" },
              { value: "disagreement", label: "Most changed" },
            ]}
          />
          <SegmentedControl
            size="xs"
            aria-label="Masks"
            value={look}
            onChange={(value) => setLook(value as Look)}
            data={[
              { value: "filled", label: "Filled" },
              { value: "outlines", label: <Key name="Outlines" of="O" /> },
              { value: "changes", label: <Key name="Changes to the draft" of="D" /> },
            ]}
          />
        </>
      }
    >
      <div ref={ref} role="listbox" aria-multiselectable="true" aria-label="Frames that wait for review">
        {width > 0 && (
          <VirtualRows
            count={Math.ceil(wall.length / columns)}
            rowHeight={Math.round(cardWidth * 0.75) + CAPTION + GAP}
            onNearEnd={onNearEnd}
            row={(row) => (
              <div
                className={styles.row}
                style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
              >
                {wall.slice(row * columns, (row + 1) * columns).map((item) => (
                  <ReviewCard
                    key={item.frame.id}
                    item={item}
                    colors={colors}
                    range={range}
                    changesOnly={look === "changes"}
                    bare={bare}
                    isCurrent={item.frame.id === current}
                    isPicked={state.picked.has(item.frame.id)}
                    onPick={pick}
                    onOpen={open}
                  />
                ))}
              </div>
            )}
          />
        )}
      </div>
      <p className={styles.keys}>
        <kbd>J</kbd> <kbd>K</kbd> move <kbd>X</kbd> pick <kbd>*</kbd> pick all <kbd>Shift</kbd> click picks up
        to here <kbd>H</kbd> held hides masks <kbd>Enter</kbd> open
      </p>
      {mayReview && (
        <div className={styles.bar} role="toolbar" aria-label="Verdict">
          <span>
            {about.length > 1 || state.picked.size ? `${plural(about.length, "frame")} picked` : "1 frame"}
          </span>
          {state.picked.size > 0 && (
            <Button size="xs" variant="subtle" color="gray" onClick={() => dispatch({ do: "clear" })}>
              Clear
            </Button>
          )}
          <Button size="xs" variant="default" rightSection={<kbd>N</kbd>} onClick={askReturn}>
            Return
          </Button>
          <Button size="xs" rightSection={<kbd>Y</kbd>} onClick={accept}>
            Accept
          </Button>
        </div>
      )}
      {returning && (
        <ReturnDialog
          frames={returning.length}
          onClose={() => setReturning(null)}
          onReturn={(comment) => {
            setReturning(null);
            void judge("returned", returning, shown, comment);
          }}
        />
      )}
    </Page>
  );
}

const ORDER_WORDS: Record<ReviewOrder, string> = {
  uncertainty: "the least certain",
  disagreement: "those most changed",
};

function Key({ name, of }: { name: string; of: string }) {
  return (
    <>
      {name} <kbd>{of}</kbd>
    </>
  );
}

function ReturnDialog({
  frames,
  onClose,
  onReturn,
}: {
  frames: number;
  onClose: () => void;
  onReturn: (comment: string) => void;
}) {
  const [comment, setComment] = useState("");
  const words = comment.trim();
  return (
    <Modal opened onClose={onClose} title={`Return ${plural(frames, "frame")}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (words) onReturn(words);
        }}
      >
        <Textarea
          label="What is wrong?"
          description="To mark the spot, open the frame instead: Enter on the wall."
          value={comment}
          autosize
          minRows={2}
          data-autofocus
          onChange={(event) => setComment(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey) return;
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }}
        />
        <div className={styles.buttons}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!words}>
            Return
          </Button>
        </div>
      </form>
    </Modal>
  );
}
