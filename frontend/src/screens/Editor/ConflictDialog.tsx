import { Button, Modal, SegmentedControl, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { keys } from "../../api/keys";
import { useFocusBack } from "../../app/useFocusBack";
import { type Conflict, colorTables, Labelmap, resolve, type SaveState, type Side } from "../../editor";
import { ErrorState } from "../../ui/ErrorState";
import { count, plural, timeAgo } from "../../ui/format";
import styles from "./Editor.module.css";
import { MaskPicture } from "./MaskPicture";
import type { Desk } from "./useSession";

/** Overlaps with a choice of their own; the smaller ones are chosen together. */
const MOST_ROWS = 6;
const SIDES = [
  { value: "mine", label: "Mine" },
  { value: "theirs", label: "Theirs" },
];

/**
 * Two people changed the same pixels of one frame. Nothing is lost until a person has chosen, and no choice is the
 * default. Escape goes on drawing: the header keeps the way back here.
 */
export function ConflictDialog({
  desk,
  frameId,
  save,
  onLater,
}: {
  desk: Desk;
  frameId: string;
  save: SaveState & { kind: "conflict" };
  onLater: () => void;
}) {
  const { session } = desk;
  useFocusBack();
  const sides = useQuery({
    queryKey: [...keys.revisions(Number(frameId)), "conflict", save.number],
    queryFn: () => session.conflict(frameId),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
  return (
    <Modal opened size={1080} onClose={onLater} title={`${save.author} saved this frame too`}>
      {/* Focused in place of a choice: Enter, pressed to submit, must not choose. */}
      <p data-autofocus tabIndex={-1} className={styles.told}>
        {save.author} saved r{save.number} {timeAgo(save.at)}, while you were drawing, and you both changed
        the same places. Your work is not saved yet; it is kept on this device until you choose.
      </p>
      {sides.error && <ErrorState error={sides.error} retry={() => void sides.refetch()} />}
      {sides.data && (
        <Choices key={sides.dataUpdatedAt} desk={desk} frameId={frameId} save={save} sides={sides.data} />
      )}
      <p className="quiet small">
        <kbd>Esc</kbd> goes back to the picture; you choose later. Yours, or both together, is one step that
        can be undone; theirs stays in the history.
      </p>
    </Modal>
  );
}

function Choices({
  desk,
  frameId,
  save,
  sides,
}: {
  desk: Desk;
  frameId: string;
  save: SaveState & { kind: "conflict" };
  sides: Conflict;
}) {
  const { session, me } = desk;
  const { editor } = session;
  const { merge, mine, theirs } = sides;
  const [busy, setBusy] = useState(false);
  const [onlyDifference, setOnlyDifference] = useState(false);
  /** Of each overlap; null where nothing is chosen yet. */
  const [chosen, setChosen] = useState<readonly (Side | null)[]>(() => merge.overlaps.map(() => null));
  const left = chosen.filter((side) => side === null).length;
  const { labels } = editor.getState();
  const colors = useMemo(
    () => colorTables(labels, { opacity: 0.4, outlinesOnly: false, hidden: new Set() }),
    [labels],
  );
  const together = useMemo(
    () =>
      resolve(
        merge,
        mine,
        theirs,
        chosen.map((side) => side ?? "mine"),
      ),
    [merge, mine, theirs, chosen],
  );
  const shown = useMemo(
    () => (onlyDifference ? [apart(mine, theirs), apart(theirs, mine)] : [mine, theirs]),
    [mine, theirs, onlyDifference],
  );
  const open = editor.openFrame;
  const picture = open?.id === frameId ? (open.picture as ImageBitmap) : null;
  const rows = merge.overlaps.slice(0, MOST_ROWS);
  const rest = merge.overlaps.length - rows.length;

  const settle = async (map: Labelmap) => {
    setBusy(true);
    try {
      await session.settle(frameId, sides, map);
    } finally {
      setBusy(false);
    }
  };
  const choose = (from: number, to: number, side: string) =>
    setChosen((known) => known.map((old, at) => (at >= from && at < to ? (side as Side) : old)));
  return (
    <>
      <div className={styles.choices} data-testid="conflict">
        <section aria-label="Yours">
          <h3>
            {me.username} (you), <span className="quiet">now, not saved</span>
          </h3>
          {picture && (
            <MaskPicture
              picture={picture}
              map={shown[0]}
              colors={colors}
              label="Your mask"
              marks={merge.overlaps}
            />
          )}
          <Button variant="default" loading={busy} onClick={() => void settle(mine)}>
            Save mine on top
          </Button>
          <p className="quiet small">Yours becomes r{sides.number + 1}; what they changed goes out of it.</p>
        </section>
        <section aria-label="Both together">
          <h3>
            Both together, <span className="quiet">{plural(merge.overlaps.length, "overlap")}</span>
          </h3>
          {picture && (
            <MaskPicture
              picture={picture}
              map={together}
              colors={colors}
              label="Both masks together"
              marks={merge.overlaps}
            />
          )}
          <Button variant="default" loading={busy} disabled={left > 0} onClick={() => void settle(together)}>
            Save both together
          </Button>
          <p className="quiet small">
            {count(merge.onlyMine)} pixels only you changed, {count(merge.onlyTheirs)} only {save.author} did.
            {left > 0 && ` Choose below: ${left} left.`}
          </p>
        </section>
        <section aria-label="Theirs">
          <h3>
            {save.author},{" "}
            <span className="quiet">
              r{sides.number}, {timeAgo(save.at)}
            </span>
          </h3>
          {picture && (
            <MaskPicture
              picture={picture}
              map={shown[1]}
              colors={colors}
              label={`${save.author}’s mask`}
              marks={merge.overlaps}
            />
          )}
          <Button variant="default" loading={busy} onClick={() => void session.reload()}>
            Take theirs
          </Button>
          <p className="quiet small">
            You go on from r{sides.number}. What you drew since your last save goes.
          </p>
        </section>
      </div>
      <div className={styles.overlaps}>
        <div className={styles.overlap}>
          <span>All overlaps</span>
          <Button size="compact-xs" variant="default" onClick={() => choose(0, chosen.length, "mine")}>
            All mine
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => choose(0, chosen.length, "theirs")}>
            All theirs
          </Button>
          <Switch
            size="xs"
            checked={onlyDifference}
            onChange={(event) => setOnlyDifference(event.currentTarget.checked)}
            label="Only what differs"
          />
        </div>
        {rows.map(({ pixels }, at) => (
          <div key={pixels[0]} className={styles.overlap}>
            <span>
              {at + 1}, <span className="quiet">{plural(pixels.length, "pixel")}</span>
            </span>
            <SegmentedControl
              size="xs"
              aria-label={`Overlap ${at + 1}`}
              data={SIDES}
              value={chosen[at] ?? ""}
              onChange={(side) => choose(at, at + 1, side)}
            />
          </div>
        ))}
        {rest > 0 && (
          <div className={styles.overlap}>
            <span>The other {count(rest)}</span>
            <SegmentedControl
              size="xs"
              aria-label="The other overlaps"
              data={SIDES}
              value={
                chosen.slice(MOST_ROWS).every((side) => side === chosen.at(-1)) ? (chosen.at(-1) ?? "") : ""
              }
              onChange={(side) => choose(MOST_ROWS, chosen.length, side)}
            />
          </div>
        )}
      </div>
    </>
  );
}

/** Only those pixels of a map that are not the same in the other. */
function apart(map: Labelmap, other: Labelmap): Labelmap {
  return new Labelmap(
    map.width,
    map.height,
    map.data.map((label, at) => (label === other.data[at] ? 0 : label)),
  );
}
