import { Button, Modal } from "@mantine/core";
import { useState } from "react";
import type { EditorSession, SaveState } from "../../editor";
import { timeAgo } from "../../ui/format";
import styles from "./Editor.module.css";

/** Two people saved one frame. Nothing is lost until a person has chosen. */
export function ConflictDialog({
  session,
  frameId,
  save,
}: {
  session: EditorSession;
  frameId: string;
  save: SaveState;
}) {
  const [busy, setBusy] = useState(false);
  if (save.kind !== "conflict") return null;
  const choose = async (act: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await act();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={`${save.author} saved this frame too`}
    >
      <p>
        {save.author} saved r{save.number} {timeAgo(save.at)}, while you were drawing. Your work is not saved
        yet; it is kept on this device until you choose.
      </p>
      <div className={styles.choices}>
        <Button
          loading={busy}
          onClick={() => void choose(() => session.autosave.keepMine(frameId, `"r${save.number}"`))}
        >
          Save mine on top
        </Button>
        <span className="quiet small">
          Yours becomes r{save.number + 1}. Theirs stays in the history as r{save.number}.
        </span>
        <Button variant="default" loading={busy} onClick={() => void choose(() => session.reload())}>
          Take theirs
        </Button>
        <span className="quiet small">
          You go on from r{save.number}. What you drew since your last save goes.
        </span>
      </div>
    </Modal>
  );
}
