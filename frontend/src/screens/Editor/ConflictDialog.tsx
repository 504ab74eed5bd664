import { Button, Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { keys } from "../../api/keys";
import { colorTables, type SaveState } from "../../editor";
import { ErrorState } from "../../ui/ErrorState";
import { timeAgo } from "../../ui/format";
import styles from "./Editor.module.css";
import { MaskPicture } from "./MaskPicture";
import { fetchMask } from "./ports";
import type { Desk } from "./useSession";

/**
 * Two people saved one frame. Nothing is lost until a person has chosen, and neither choice is the default. Escape
 * goes on drawing: the header keeps the way back here.
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
  const { session, me } = desk;
  const { editor, autosave } = session;
  const [busy, setBusy] = useState(false);
  const open = editor.openFrame;
  const { labels } = editor.getState();
  const colors = useMemo(
    () => colorTables(labels, { opacity: 0.4, outlinesOnly: false, hidden: new Set() }),
    [labels],
  );
  const theirs = useQuery({
    queryKey: [...keys.revisions(Number(frameId)), "conflict", save.number],
    queryFn: ({ signal }) => fetchMask(frameId, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const mine = useMemo(() => autosave.unsavedMap(frameId), [autosave, frameId]);
  const picture = open?.id === frameId ? (open.picture as ImageBitmap) : null;
  // A third save meanwhile is not what the sentence speaks of: mine on top then comes as a conflict of its own.
  const newest = theirs.data;

  const choose = async (act: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await act();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened size={720} onClose={onLater} title={`${save.author} saved this frame too`}>
      {/* Focused in place of a choice: Enter, pressed to submit, must not choose. */}
      <p data-autofocus tabIndex={-1} className={styles.told}>
        {save.author} saved r{save.number} {timeAgo(save.at)}, while you were drawing. Your work is not saved
        yet; it is kept on this device until you choose.
      </p>
      {theirs.error && <ErrorState error={theirs.error} retry={() => void theirs.refetch()} />}
      <div className={styles.choices} data-testid="conflict">
        <section>
          <h3>
            {me.username} (you), <span className="quiet">now, not saved</span>
          </h3>
          {picture && mine && <MaskPicture picture={picture} map={mine} colors={colors} label="Your mask" />}
          <Button
            variant="default"
            disabled={!newest}
            loading={busy}
            onClick={() => void choose(() => autosave.keepMine(frameId, `"r${save.number}"`))}
          >
            Save mine on top
          </Button>
          <p className="quiet small">Yours becomes r{save.number + 1}. Theirs stays in the history.</p>
        </section>
        <section>
          <h3>
            {save.author},{" "}
            <span className="quiet">
              r{save.number}, {timeAgo(save.at)}
            </span>
          </h3>
          {picture && newest && (
            <MaskPicture picture={picture} map={newest.map} colors={colors} label={`${save.author}’s mask`} />
          )}
          <Button variant="default" loading={busy} onClick={() => void choose(() => session.reload())}>
            Take theirs
          </Button>
          <p className="quiet small">
            You go on from r{save.number}. What you drew since your last save goes.
          </p>
        </section>
      </div>
      <p className="quiet small">
        <kbd>Esc</kbd> goes back to the picture; you choose later.
      </p>
    </Modal>
  );
}
