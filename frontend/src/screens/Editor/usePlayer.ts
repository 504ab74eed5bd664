import { notifications } from "@mantine/notifications";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { clipFrames } from "../../api/clipFrames";
import type { Frame } from "../../api/types";
import { type EditorSession, Player, type PlayerPhase, type Renderer } from "../../editor";

export interface PlayerHandle {
  phase: PlayerPhase;
  /** Place in the clip of the frame drawn; null while nothing plays. */
  at: number | null;
  toggle: () => void;
  stop: () => void;
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
  const [at, setAt] = useState<number | null>(null);
  const player = useRef<Player | null>(null);
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
    const stops = [
      made.on("phase", setPhase),
      made.on("frame", setAt),
      made.on("failed", (error) =>
        notifications.show({ color: "red", title: "The clip stopped", message: error.message }),
      ),
      session.editor.on("edited", ({ frameId }) =>
        made.forget(order.current.findIndex((frame) => String(frame.id) === frameId)),
      ),
    ];
    return () => {
      for (const stop of stops) stop();
      made.dispose();
      player.current = null;
      setPhase("stopped");
      setAt(null);
    };
  }, [session, sameClip, renderer]);

  return useMemo(() => {
    const end = () => {
      player.current?.stop();
      renderer.current?.endPlay();
      setAt(null);
    };
    return {
      phase,
      at,
      stop: end,
      toggle: () => {
        const made = player.current;
        if (!made) return;
        if (!made.isPlaying) {
          session.editor.cancel();
          const from = order.current.findIndex((frame) => String(frame.id) === session.frameId);
          made.play(Math.max(0, from));
          return;
        }
        made.stop();
        // The frame shown stays on the screen until the same frame is on the table.
        const frame = order.current[made.index];
        void session.open(String(frame.id)).then(end);
      },
    };
  }, [phase, at, session, renderer]);
}
