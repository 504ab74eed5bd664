import { Button, Modal, SegmentedControl, Textarea } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { type Dispatch, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { type ReviewOrder, useMe, useProject, useReviewQueue } from "../../api/hooks";
import type { Label, Project, QueueItem } from "../../api/types";
import { useProjectId } from "../../app/params";
import { type Action, colorTables, personalKeys, WALL_KEYS } from "../../editor";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { Page } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { uncertaintyRange } from "../../ui/uncertainty";
import { VirtualRows } from "../../ui/VirtualRows";
import { changesOf, useHands } from "../Editor/hands";
import { KeysHelp } from "../Editor/KeysHelp";
import { KeyHint, nameKeys, useKeyCaps } from "../Editor/keyNames";
import { keyMapFor } from "../Editor/keys";
import { useKeyboard } from "../Editor/useKeyboard";
import styles from "./Review.module.css";
import { ReviewCard } from "./ReviewCard";
import { ERASED } from "./thumbnail";
import { useVerdicts } from "./useVerdicts";
import { useWall } from "./useWall";
import { currentIndex, type Judged, targets, type WallAction, type WallState, worstFirst } from "./wall";

const GAP = 16;
const CARD = 260;
/** A card's picture is 4:3; under it stand the caption and the gap. */
const CAPTION = 48;

export default function ReviewScreen() {
  const projectId = useProjectId();
  const me = useMe();
  const project = useProject(projectId);
  const [state, dispatch] = useWall(projectId, me.data?.id ?? 0);
  const queue = useReviewQueue(projectId, state.order);
  if (queue.error && !queue.rows.length)
    return <ErrorState error={queue.error} retry={() => void queue.refetch()} />;
  if (queue.isPending || !project.data || !me.data)
    return (
      <Page title="Review" wide>
        <BlockSkeleton height={480} />
      </Page>
    );
  return (
    <Wall
      userId={me.data.id}
      project={project.data}
      items={queue.rows}
      state={state}
      dispatch={dispatch}
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
  userId,
  project,
  items,
  state,
  dispatch,
  onNearEnd,
  more,
}: {
  userId: number;
  project: Project;
  items: readonly QueueItem[];
  state: WallState;
  dispatch: Dispatch<WallAction>;
  onNearEnd: () => void;
  more: boolean;
}) {
  const navigate = useNavigate();
  const { ref, width } = useElementSize<HTMLDivElement>();
  const list = useRef<HTMLDivElement>(null);
  const listRef = useMergedRef(ref, list);
  const { order } = state;
  const [returning, setReturning] = useState<number[] | null>(null);
  const { judge, takeBack } = useVerdicts(project.id, userId, dispatch);
  const [look, setLook] = useState<Look>("filled");
  const [bare, setBare] = useState(false);
  const [help, setHelp] = useState(false);
  const { hands, setHands, isKept } = useHands(userId);
  const colors = useMemo(() => tablesFor(project.labels, look), [project.labels, look]);
  const sorted = useMemo(() => worstFirst(items, order), [items, order]);
  useEffect(
    () => dispatch({ do: "listed", frames: sorted.map(({ frame }) => frame.id) }),
    [sorted, dispatch],
  );
  const range = useMemo(() => uncertaintyRange(items.map(({ frame }) => frame)), [items]);
  const wall = useMemo(() => sorted.filter(({ frame }) => !state.gone.has(frame.id)), [sorted, state.gone]);
  const shown = useMemo(() => wall.map(({ frame }) => frame.id), [wall]);
  const place = currentIndex(state, shown);
  const current = shown[place] ?? null;
  const about = targets(state, shown);
  const mayReview = project.may.includes("review");
  const columns = Math.max(1, Math.floor((width + GAP) / (CARD + GAP)));
  const rows = Math.ceil(wall.length / columns);
  // biome-ignore lint/correctness/useExhaustiveDependencies: not when frames before it leave
  const goTo = useMemo(() => ({ row: Math.floor(place / columns) }), [current, columns]);
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
    [shown, dispatch],
  );
  const switchTo = (other: Look) => setLook((now) => (now === other ? "filled" : other));
  const askReturn = () => mayReview && about.length > 0 && setReturning(about);
  const taps: Partial<Record<Action, () => void>> = {
    "wall.next": () => move(1),
    "wall.previous": () => move(-1),
    "wall.down": () => move(columns),
    "wall.up": () => move(-columns),
    "wall.pick": () => current !== null && dispatch({ do: "toggle", frame: current }),
    "wall.pickAll": () => dispatch({ do: "all", shown }),
    "wall.unpick": () => dispatch({ do: "clear" }),
    "wall.changes": () => switchTo("changes"),
    "wall.takeBack": () => void takeBack(),
    "wall.open": () => current !== null && open(current),
    "masks.outlines": () => switchTo("outlines"),
    "review.accept": accept,
    "review.return": askReturn,
    help: () => setHelp(true),
  };
  const changes = useMemo(() => changesOf(hands, "wall"), [hands]);
  const map = useMemo(() => personalKeys(WALL_KEYS, changes), [changes]);
  const caps = useKeyCaps();
  useEffect(() => nameKeys(WALL_KEYS, changes, caps), [changes, caps]);
  useKeyboard(map, (action, phase) => {
    if (action === "masks.hide") setBare(phase === "start");
    else taps[action]?.();
  });
  const isEmpty = wall.length === 0;
  // Keys belong to the wall: a button or link that keeps the focus after a click would take Enter.
  // biome-ignore lint/correctness/useExhaustiveDependencies: emptied and filled again it is another element
  useEffect(() => {
    const focusWall = () => list.current?.focus({ preventScroll: true });
    const afterClick = ({ detail, target }: MouseEvent) => {
      const pressed = detail > 0 && target instanceof Element && target.closest("button, a");
      if (pressed && !document.querySelector('[role="dialog"], [role="menu"]')) focusWall();
    };
    focusWall();
    document.addEventListener("click", afterClick);
    return () => document.removeEventListener("click", afterClick);
  }, [isEmpty]);
  const labels = useMemo(() => [...project.labels].sort((a, b) => a.position - b.position), [project.labels]);
  const base = useMemo(() => keyMapFor(labels, hands.hand), [labels, hands.hand]);
  const keysHelp = (
    <KeysHelp
      onWall
      opened={help}
      base={base}
      labels={labels}
      hands={hands}
      setHands={setHands}
      isKept={isKept}
      onClose={() => setHelp(false)}
    />
  );

  const told = <Told judged={state.judged.at(-1)} onTakeBack={() => void takeBack()} />;
  if (isEmpty) {
    return (
      <>
        <EmptyState
          title="Nothing waits for review"
          text="Frames appear here when an annotator submits them, the least certain first."
          action={
            <div className={styles.done}>
              <Button component={Link} to={`/p/${project.id}`} variant="default">
                Open the overview
              </Button>
              {told}
            </div>
          }
        />
        {keysHelp}
      </>
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
            onChange={(value) => dispatch({ do: "order", by: value as ReviewOrder })}
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
      {/* biome-ignore lint/a11y/useSemanticElements: as its rows */}
      <div
        ref={listRef}
        className={styles.wall}
        data-picking={state.picked.size > 0 || undefined}
        tabIndex={0}
        role="grid"
        aria-multiselectable="true"
        aria-rowcount={rows}
        aria-label="Frames that wait for review"
      >
        {width > 0 && (
          <VirtualRows
            count={rows}
            rowHeight={Math.round(cardWidth * 0.75) + CAPTION + GAP}
            onNearEnd={onNearEnd}
            goTo={goTo}
            row={(row) => (
              // biome-ignore lint/a11y/useFocusableInteractive: the wall has the focus
              // biome-ignore lint/a11y/useSemanticElements: only the rows in view are drawn, which a table cannot tell
              <div
                role="row"
                aria-rowindex={row + 1}
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
        <KeyHint>J</KeyHint> <KeyHint>K</KeyHint> move <KeyHint>X</KeyHint> pick <kbd>Shift</kbd> click picks
        up to here <KeyHint>H</KeyHint> held hides masks <KeyHint>Enter</KeyHint> open <KeyHint>?</KeyHint>{" "}
        all keys
      </p>
      {mayReview && (
        <div className={styles.bar} role="toolbar" aria-label="Verdict">
          {told}
          <span className={styles.about}>
            {about.length > 1 || state.picked.size ? `${plural(about.length, "frame")} picked` : "1 frame"}
          </span>
          <Button
            size="xs"
            variant="subtle"
            color="gray"
            rightSection={<KeyHint>*</KeyHint>}
            onClick={() => dispatch({ do: "all", shown })}
          >
            Pick all
          </Button>
          {state.picked.size > 0 && (
            <Button size="xs" variant="subtle" color="gray" onClick={() => dispatch({ do: "clear" })}>
              Clear
            </Button>
          )}
          <Button size="xs" variant="default" rightSection={<KeyHint>N</KeyHint>} onClick={askReturn}>
            Return
          </Button>
          <Button size="xs" rightSection={<KeyHint>Y</KeyHint>} onClick={accept}>
            Accept
          </Button>
        </div>
      )}
      {keysHelp}
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

/** What was judged last, and the way back. */
function Told({ judged, onTakeBack }: { judged: Judged | undefined; onTakeBack: () => void }) {
  return (
    <div className={styles.told}>
      <span role="status">{judged && `${plural(judged.reviews.length, "frame")} ${judged.verdict}`}</span>
      {judged && (
        <Button
          size="xs"
          variant="subtle"
          color="gray"
          rightSection={<KeyHint>Ctrl Z</KeyHint>}
          onClick={onTakeBack}
        >
          Take back
        </Button>
      )}
    </div>
  );
}

function Key({ name, of }: { name: string; of: string }) {
  return (
    <>
      {name} <KeyHint>{of}</KeyHint>
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
