import { Button } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { plural } from "../../ui/format";
import styles from "./Editor.module.css";
import { type Desk, useOfflineFrames } from "./useSession";

function onLine(listener: () => void): () => void {
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}

/** What stands between the work and the server: no line, or a device that keeps no copy. One bar, above the picture. */
export function LineBar({ desk, onTry }: { desk: Desk; onTry: () => void }) {
  const { session, notKept } = desk;
  const waiting = useOfflineFrames(session);
  const isOnline = useSyncExternalStore(onLine, () => navigator.onLine);
  if (waiting > 0 || !isOnline) {
    return (
      <div
        className={`${styles.offer} ${styles.line}`}
        role="status"
        data-testid="offline"
        data-waiting={waiting}
      >
        <span>
          {isOnline ? "The server cannot be reached." : "There is no network."}{" "}
          {waiting === 0
            ? "You can go on drawing."
            : notKept
              ? `Work on ${plural(waiting, "frame")} waits in this window only: keep it open.`
              : `Work on ${plural(waiting, "frame")} is kept on this device and sent by itself.`}
        </span>
        <Button size="compact-xs" variant="default" onClick={onTry}>
          Try now
        </Button>
      </div>
    );
  }
  if (!notKept) return null;
  return (
    <div className={`${styles.offer} ${styles.line}`} role="status" data-testid="not-kept">
      <span>
        This browser keeps no copy of unsaved work ({notKept.message}). Drawing and saving work; wait for
        “Saved” before you close this window, or leave the private window.
      </span>
    </div>
  );
}
