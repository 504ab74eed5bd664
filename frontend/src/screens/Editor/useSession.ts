import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { keys } from "../../api/keys";
import type { Label, Me } from "../../api/types";
import {
  afterPaint,
  EditorSession,
  type EditorState,
  Journal,
  NoJournal,
  type RecoveredWork,
  type SaveState,
  type WorkJournal,
} from "../../editor";
import { EditorPorts } from "./ports";

export interface Desk {
  /** Whose work it is. */
  me: Me;
  session: EditorSession;
  ports: EditorPorts;
  /** Why this device keeps no unsaved work; null where it does. */
  notKept: Error | null;
}

/** The engine, once per visit of the editor. Null until it is known whether this device keeps unsaved work. */
export function useDesk(me: Me, labels: readonly Label[], readOnly: boolean): Desk | null {
  const client = useQueryClient();
  const [desk, setDesk] = useState<Desk | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: labels that change later are handed over below, without a new engine
  useEffect(() => {
    let gone = false;
    let made: Desk | null = null;
    let journal: WorkJournal | null = null;
    const start = (opened: WorkJournal, notKept: Error | null) => {
      journal = opened;
      if (gone) return opened.close();
      const ports = new EditorPorts(client, me.id);
      const { frames, saves } = ports;
      const session = new EditorSession({ labels, frames, saves, journal: opened, readOnly });
      made = { me, ports, session, notKept };
      setDesk(made);
    };
    Journal.open(String(me.id)).then(
      (opened) => start(opened, null),
      // A private window, say: drawing and saving go on, and the screen says what is missing.
      (problem: unknown) =>
        start(new NoJournal(), problem instanceof Error ? problem : new Error(String(problem))),
    );
    return () => {
      gone = true;
      setDesk(null);
      const leaving = made?.session;
      const frameId = leaving?.frameId;
      leaving?.editor.cancel();
      // Somebody else signed in: sent now, it would be theirs. It stays in this person's journal.
      const isSame = client.getQueryData<Me>(keys.me)?.id === me.id;
      // What waits for its second is sent now; what cannot be sent is in the journal and is offered back.
      const sent =
        leaving && frameId && isSame
          ? leaving.autosave.saveNow(frameId).catch(() => undefined)
          : Promise.resolve();
      void sent.then(() => {
        leaving?.dispose({ send: isSame });
        journal?.close();
      });
    };
  }, [client, me.id, readOnly]);

  useEffect(() => {
    desk?.session.editor.setLabels(labels);
  }, [desk, labels]);

  return desk;
}

export function useEditorState(session: EditorSession): EditorState {
  const subscribe = useCallback(
    (listener: () => void) => session.editor.subscribe(afterPaint(listener)),
    [session],
  );
  return useSyncExternalStore(subscribe, session.editor.getState);
}

/** How a frame stands with the server, told once the stroke that changed it has been painted. */
export function useSaveState(session: EditorSession, frameId: string): SaveState {
  const subscribe = useCallback(
    (listener: () => void) => {
      const soon = afterPaint(listener);
      const stops = [session.autosave.on("state", soon), session.on("opened", soon)];
      return () => {
        for (const stop of stops) stop();
      };
    },
    [session],
  );
  return useSyncExternalStore(subscribe, () => session.autosave.state(frameId));
}

/** The frame is in a conflict that does not merge by itself. */
export function useNeedsChoice(session: EditorSession, frameId: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const soon = afterPaint(listener);
      const stops = [session.on("choice", soon), session.autosave.on("state", soon)];
      return () => {
        for (const stop of stops) stop();
      };
    },
    [session],
  );
  return useSyncExternalStore(subscribe, () => session.needsChoice(frameId));
}

/** Frames whose work waits for the line to come back. */
export function useOfflineFrames(session: EditorSession): number {
  const subscribe = useCallback(
    (listener: () => void) => session.autosave.on("state", afterPaint(listener)),
    [session],
  );
  return useSyncExternalStore(subscribe, () => session.autosave.offlineFrames);
}

export function useRecovered(session: EditorSession): RecoveredWork | null {
  const [recovered, setRecovered] = useState<RecoveredWork | null>(null);
  useEffect(() => session.on("recovered", setRecovered), [session]);
  return recovered;
}

/** Where the picture lies in the viewport, as it moves. */
export function useView(session: EditorSession) {
  const subscribe = useCallback((listener: () => void) => session.editor.on("view", listener), [session]);
  return useSyncExternalStore(subscribe, () => session.editor.view);
}
