import { notifications } from "@mantine/notifications";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { clipFrames } from "../../api/clipFrames";
import type { Frame } from "../../api/types";
import { type EditorSession, Player, type PlayerPhase, type Renderer } from "../../editor";

export interface PlayerHandle {
  phase: PlayerPhase;
  /** Place in the clip of the frame drawn; null while nothing plays. Heard by the time strip alone. */
  at: PlayedAt;
  toggle: () => void;
  /** Stop, and put the frame shown on the table. False: nothing plays. */
  pause: () => boolean;
  /** Stop, and show the frame on the table. */
  stop: () => void;
}

/** A value that changes thirty times a second: only what shows it is to be rendered for it. */
export class PlayedAt {
  private at: number | null = null;
  private readonly listeners = new Set<() => void>();
  readonly get = (): number | null => this.at;
  readonly set = (at: number | null): void => {
    if (at === this.at) return;
    this.at = at;
    for (const listener of this.listeners) listener();
  };
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

/** Plays the clip in place of the frame on the table; where it stops, that frame is put there. */
export function usePlayer({
  session,
  renderer,
  clipId,
  frames,
}: {
  session: EditorSession;
  renderer: RefObject<Renderer | null>;
  clipId: number;
  frames: readonly Frame[];
}): PlayerHandle {
  const [phase, setPhase] = useState<PlayerPhase>("stopped");
  const [at] = useState(() => new PlayedAt());
  const player = useRef<Player | null>(null);
  const handle = useRef<PlayerHandle | null>(null);
  const order = useRef(frames);
  order.current = frames;

  // States of frames change while a clip plays; only other pixels are another clip.
  const sameClip = `${clipId}:${frames.length}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `sameClip` stands for the frames
  useEffect(() => {
    if (!frames.length) return;
    const made = new Player({
      source: clipFrames(clipId, frames, (id) => session.autosave.unsavedMap(String(id))),
      times: frames.map((frame) => frame.time_us / 1e6),
      loop: true,
      draw: (frame) => renderer.current?.playFrame(frame.picture, frame.map),
    });
    player.current = made;
    const forget = (frameId: string) =>
      made.forget(order.current.findIndex((frame) => String(frame.id) === frameId));
    const stops = [
      made.on("phase", setPhase),
      made.on("frame", at.set),
      made.on("failed", (error) => {
        handle.current?.stop();
        notifications.show({ color: "red", title: "The clip stopped", message: error.message });
      }),
      session.editor.on("away", () => void handle.current?.pause()),
      session.editor.on("edited", ({ frameId }) => forget(frameId)),
      session.on("outdated", forget),
    ];
    return () => {
      for (const stop of stops) stop();
      made.dispose();
      player.current = null;
      session.editor.setAway(false);
      setPhase("stopped");
      at.set(null);
    };
  }, [session, sameClip, renderer, at]);

  handle.current = useMemo(() => {
    const stop = () => {
      player.current?.stop();
      renderer.current?.endPlay();
      session.editor.setAway(false);
      at.set(null);
    };
    const pause = () => {
      const made = player.current;
      if (!made?.isPlaying) return false;
      made.stop();
      // The frame shown stays on the screen until the same frame is on the table.
      const frame = order.current[made.index];
      void session.open(String(frame.id)).then(stop);
      return true;
    };
    return {
      phase,
      at,
      stop,
      pause,
      toggle: () => {
        const made = player.current;
        if (!made || pause()) return;
        // Space pressed by accident must not cost a stroke, or a shape.
        if (session.editor.isBusy) {
          if (!session.editor.openFrame?.document.isPainting)
            notifications.show({
              id: "finish-first",
              message: "The clip does not play over a step in the making: Enter takes it, Escape drops it.",
            });
          return;
        }
        session.editor.setAway(true);
        const from = order.current.findIndex((frame) => String(frame.id) === session.frameId);
        made.play(Math.max(0, from));
      },
    };
  }, [phase, at, session, renderer]);
  return handle.current;
}
