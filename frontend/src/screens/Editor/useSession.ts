import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { keys } from "../../api/keys";
import type { Label, Me } from "../../api/types";
import { EditorSession, type EditorState, Journal, type RecoveredWork, type SaveState } from "../../editor";
import { afterPaint } from "./afterPaint";
import { EditorPorts } from "./ports";

export interface Desk {
  /** Whose work it is. */
  me: Me;
  session: EditorSession;
  ports: EditorPorts;
}

/** The engine, once per visit of the editor. Null until the journal of this device is open. */
export function useDesk(
  me: Me,
  labels: readonly Label[],
  readOnly: boolean,
): { desk: Desk | null; error: Error | null } {
  const client = useQueryClient();
  const [desk, setDesk] = useState<Desk | null>(null);
  const [error, setError] = useState<Error | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: labels that change later are handed over below, without a new engine
  useEffect(() => {
    let gone = false;
    let made: Desk | null = null;
    let journal: Journal | null = null;
    Journal.open(String(me.id)).then(
      (opened) => {
        journal = opened;
        if (gone) return opened.close();
        const ports = new EditorPorts(client, me.id);
        const { frames, saves } = ports;
        made = {
          me,
          ports,
          session: new EditorSession({ labels, frames, saves, journal: opened, readOnly }),
        };
        setDesk(made);
      },
      (problem: unknown) => setError(problem instanceof Error ? problem : new Error(String(problem))),
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

  return { desk, error };
}

export function useEditorState(session: EditorSession): EditorState {
  const subscribe = useCallback(
    (listener: () => void) => session.editor.subscribe(afterPaint(listener)),
    [session],
  );
  return useSyncExternalStore(subscribe, session.editor.getState);
}

export function useSaveState(session: EditorSession, frameId: string): SaveState {
  const [state, setState] = useState(() => session.autosave.state(frameId));
  useEffect(() => {
    setState(session.autosave.state(frameId));
    const stops = [
      session.autosave.on("state", (event) => event.frameId === frameId && setState(event.state)),
      session.on("opened", (opened) => opened === frameId && setState(session.autosave.state(frameId))),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [session, frameId]);
  return state;
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
