import { Button, Modal, Textarea } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useCallback, useEffect, useMemo, useReducer, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useProject, useQueue } from "../../api/hooks";
import type { Label, Project, QueueItem } from "../../api/types";
import { useProjectId } from "../../app/params";
import { useKeys } from "../../app/useKeys";
import { colorTables } from "../../editor";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { Page } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { VirtualRows } from "../../ui/VirtualRows";
import styles from "./Review.module.css";
import { ReviewCard } from "./ReviewCard";
import { useVerdicts } from "./useVerdicts";
import { currentIndex, START, targets, wallReducer, worstFirst } from "./wall";

const GAP = 16;
const CARD = 260;
/** A card's picture is 4:3; under it stand the caption and the gap. */
const CAPTION = 32;

export default function ReviewScreen() {
  const projectId = useProjectId();
  const project = useProject(projectId);
  const queue = useQueue(projectId, "review");
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
      onNearEnd={() => {
        if (queue.hasNextPage && !queue.isFetchingNextPage) void queue.fetchNextPage();
      }}
      more={queue.hasNextPage}
    />
  );
}

function tablesFor(labels: readonly Label[]) {
  return colorTables(labels, { opacity: 0.35, outlinesOnly: false, hidden: new Set() });
}

function Wall({
  project,
  items,
  onNearEnd,
  more,
}: {
  project: Project;
  items: readonly QueueItem[];
  onNearEnd: () => void;
  more: boolean;
}) {
  const navigate = useNavigate();
  const { ref, width } = useElementSize<HTMLDivElement>();
  const [state, dispatch] = useReducer(wallReducer, START);
  const [returning, setReturning] = useState<number[] | null>(null);
  const judge = useVerdicts(dispatch);
  const colors = useMemo(() => tablesFor(project.labels), [project.labels]);
  useEffect(() => dispatch({ do: "listed", frames: items.map(({ frame }) => frame.id) }), [items]);

  const sorted = useMemo(() => worstFirst(items), [items]);
  const wall = sorted.filter(({ frame }) => !state.gone.has(frame.id));
  const shown = wall.map(({ frame }) => frame.id);
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
  const askReturn = () => mayReview && about.length > 0 && setReturning(about);
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    arrowright: () => move(1),
    arrowleft: () => move(-1),
    arrowdown: () => move(columns),
    arrowup: () => move(-columns),
    x: () => current !== null && dispatch({ do: "toggle", frame: current }),
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
      note={`${plural(wall.length, "frame")}${more ? " and more" : ""} ${wall.length === 1 ? "waits" : "wait"}, the least certain first`}
      actions={
        <span className={styles.keys}>
          <kbd>J</kbd> <kbd>K</kbd> move <kbd>X</kbd> pick <kbd>Enter</kbd> open
        </span>
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
                    isCurrent={item.frame.id === current}
                    isPicked={state.picked.has(item.frame.id)}
                    dispatch={dispatch}
                    onOpen={open}
                  />
                ))}
              </div>
            )}
          />
        )}
      </div>
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
