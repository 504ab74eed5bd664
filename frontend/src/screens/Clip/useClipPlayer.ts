import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { clipFrames } from "../../api/clipFrames";
import type { Clip, Frame, Label } from "../../api/types";
import {
  type ClipFrame,
  colorTables,
  FrameCache,
  Player,
  type PlayerPhase,
  paintOverlay,
} from "../../editor";

interface CachedFrame {
  frame: ClipFrame;
  bytes: number;
  close(): void;
}

/** How masks are shown while watching. */
export interface MaskLook {
  shown: boolean;
  outlinesOnly: boolean;
}

const NONE_HIDDEN: ReadonlySet<number> = new Set();

/** Plays a clip onto two canvases: pictures below, masks above. Seeks from a cache of single frames. */
export function useClipPlayer(
  clip: Clip,
  frames: readonly Frame[],
  labels: readonly Label[],
  look: MaskLook,
) {
  // A clip opens on the first frame that people draw on.
  const start = Math.max(
    0,
    frames.findIndex((frame) => frame.selected),
  );
  const pictureCanvas = useRef<HTMLCanvasElement>(null);
  const maskCanvas = useRef<HTMLCanvasElement>(null);
  const [index, setIndex] = useState(start);
  const [phase, setPhase] = useState<PlayerPhase>("stopped");
  const [problem, setProblem] = useState<Error | null>(null);
  const drawn = useRef<ClipFrame | null>(null);
  const latest = useRef(start);

  const colors = useMemo(
    () => colorTables(labels, { opacity: 0.35, outlinesOnly: look.outlinesOnly, hidden: NONE_HIDDEN }),
    [labels, look.outlinesOnly],
  );
  const paint = useRef({ colors, shown: look.shown });

  const drawMask = useCallback((frame: ClipFrame) => {
    const canvas = maskCanvas.current;
    const pen = canvas?.getContext("2d");
    if (!canvas || !pen) return;
    const { width, height } = frame.picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (!frame.map || !paint.current.shown) {
      pen.clearRect(0, 0, width, height);
      return;
    }
    const overlay = pen.createImageData(width, height);
    paintOverlay(frame.map, frame.map.box, paint.current.colors, new Uint32Array(overlay.data.buffer), width);
    pen.putImageData(overlay, 0, 0);
  }, []);

  const draw = useCallback(
    (frame: ClipFrame) => {
      const canvas = pictureCanvas.current;
      const pen = canvas?.getContext("2d", { alpha: false });
      if (!canvas || !pen) return;
      const { width, height } = frame.picture;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      pen.drawImage(frame.picture as ImageBitmap, 0, 0);
      drawMask(frame);
      drawn.current = frame;
    },
    [drawMask],
  );

  const engine = useMemo(() => {
    if (frames.length === 0) return null;
    const source = clipFrames(clip.id, frames);
    const player = new Player({
      source,
      times: frames.map((frame) => frame.time_us / 1e6),
      draw,
      loop: true,
    });
    const cache = new FrameCache<CachedFrame>({
      load: async (at, signal) => {
        const [frame] = await source.chunk(Number(at), 1, signal);
        if (!frame) throw new Error(`frame ${at} did not come`);
        const { picture } = frame;
        return { frame, bytes: 5 * picture.width * picture.height, close: () => picture.close() };
      },
      maxBytes: 64 * 1024 * 1024,
    });
    return { player, cache };
  }, [clip.id, frames, draw]);

  /** Stops and shows one frame; of several asked in a hurry only the last is drawn. */
  const seek = useCallback(
    (to: number) => {
      if (!engine) return;
      engine.player.stop();
      const at = Math.min(frames.length - 1, Math.max(0, to));
      latest.current = at;
      setIndex(at);
      engine.cache.get(String(at)).then(
        ({ frame }) => {
          if (latest.current === at && !engine.player.isPlaying) draw(frame);
          const near = [at + 1, at - 1, at + 2].filter((other) => other >= 0 && other < frames.length);
          void engine.cache.around(String(at), near.map(String));
        },
        (error: unknown) => {
          // Passed over while seeking on: nobody waits for it.
          if (latest.current === at) setProblem(error instanceof Error ? error : new Error(String(error)));
        },
      );
    },
    [engine, frames.length, draw],
  );

  useEffect(() => {
    if (!engine) return;
    const { player, cache } = engine;
    const stops = [
      player.on("phase", setPhase),
      player.on("frame", (at) => {
        latest.current = at;
        setIndex(at);
      }),
      player.on("failed", setProblem),
    ];
    seek(Math.min(latest.current, frames.length - 1));
    return () => {
      for (const stop of stops) stop();
      player.dispose();
      cache.clear();
    };
  }, [engine, seek, frames.length]);

  useEffect(() => {
    paint.current = { colors, shown: look.shown };
    if (drawn.current) drawMask(drawn.current);
  }, [colors, look.shown, drawMask]);

  const toggle = useCallback(() => {
    if (!engine) return;
    setProblem(null);
    if (engine.player.isPlaying) engine.player.stop();
    else engine.player.play(latest.current);
  }, [engine]);
  const setRate = useCallback((rate: number) => engine?.player.setRate(rate), [engine]);

  return { pictureCanvas, maskCanvas, index, phase, problem, seek, toggle, setRate };
}
