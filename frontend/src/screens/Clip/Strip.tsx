import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type PointerEvent, useEffect, useRef } from "react";
import type { Frame } from "../../api/types";
import { uncertaintyBar, uncertaintyRange } from "../../ui/uncertainty";
import styles from "./Clip.module.css";
import { atPosition } from "./stripMath";

const TALL = 56;
const LOW = 24;
/** The band at the bottom says the state; what rises above it is uncertainty. */
const BAND = 12;

/** Every frame of the clip side by side: colour says its state, height how unsure the model is. */
export function Strip({
  frames,
  index,
  onSeek,
}: {
  frames: readonly Frame[];
  index: number;
  onSeek: (index: number) => void;
}) {
  const { ref, width } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme("dark");
  // Without a model there is no uncertainty, and no room is kept for it.
  const height = frames.some((frame) => frame.uncertainty !== null) ? TALL : LOW;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes the colours read from CSS
  useEffect(() => {
    const target = canvas.current;
    const pen = target?.getContext("2d");
    if (!target || !pen || width === 0) return;
    const dots = window.devicePixelRatio || 1;
    target.width = Math.round(width * dots);
    target.height = height * dots;
    pen.scale(dots, dots);
    const css = getComputedStyle(target);
    const color = (name: string) => css.getPropertyValue(name);
    const step = width / frames.length;
    // Selected frames stay findable in long clips: at least three points wide.
    const mark = Math.max(3, Math.min(step - 1, 14));
    const top = height - BAND - 4;
    pen.fillStyle = color("--line-strong");
    const range = uncertaintyRange(frames);
    for (const frame of frames) {
      if (frame.uncertainty === null) continue;
      const high = uncertaintyBar(frame.uncertainty, range) * top;
      pen.fillRect(frame.index * step, top - high, Math.max(1, step - (step > 4 ? 1 : 0)), high);
    }
    pen.fillStyle = color("--line");
    pen.fillRect(0, height - BAND / 2 - 1, width, 2);
    for (const frame of frames) {
      if (!frame.selected) continue;
      pen.fillStyle = color(`--state-${frame.state}`);
      pen.beginPath();
      pen.roundRect((frame.index + 0.5) * step - mark / 2, height - BAND, mark, BAND, 2);
      pen.fill();
    }
  }, [frames, width, height, scheme]);

  function seekAt(event: PointerEvent<HTMLDivElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    onSeek(atPosition(event.clientX - box.left, box.width, frames.length));
  }
  return (
    <div
      ref={ref}
      className={styles.strip}
      role="slider"
      tabIndex={0}
      aria-label="Frame"
      aria-valuemin={1}
      aria-valuemax={frames.length}
      aria-valuenow={index + 1}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        seekAt(event);
      }}
      onPointerMove={(event) => {
        if (event.buttons & 1) seekAt(event);
      }}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
        if (!step) return;
        event.preventDefault();
        onSeek(index + step);
      }}
    >
      <canvas ref={canvas} style={{ width: "100%", height, display: "block" }} />
      <span className={styles.head} style={{ left: `${(100 * (index + 0.5)) / frames.length}%` }} />
    </div>
  );
}
