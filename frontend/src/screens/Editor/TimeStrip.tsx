import { ActionIcon } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { IconPlayerPauseFilled, IconPlayerPlayFilled } from "@tabler/icons-react";
import { memo, type PointerEvent, type ReactNode, useMemo, useSyncExternalStore } from "react";
import type { FrameOfClip } from "../../api/types";
import type { PlayerPhase } from "../../editor";
import { count } from "../../ui/format";
import { uncertaintyBar, uncertaintyRange, uncertaintyText } from "../../ui/uncertainty";
import styles from "./Editor.module.css";
import { Keyed } from "./Header";
import { clickedFrame, frameX, revisionTicks } from "./strip";
import type { PlayedAt } from "./usePlayer";

const HEIGHT = 44;
/** Where the dots of selected frames stand; bars of uncertainty grow up from above them, revisions hang below. */
const BASE = 31;
const TALLEST = 20;
/** Frames that a key moves by while the line has the focus. */
const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -10,
  PageDown: 10,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
};

/**
 * The clip as a line: selected frames as dots by state, how unsure the model is above them, how often they were saved
 * below them, where one is.
 */
export const TimeStrip = memo(function TimeStrip({
  frames,
  at,
  playedAt,
  phase,
  onToggle,
  onGo,
  onMove,
  children,
}: {
  frames: readonly FrameOfClip[];
  /** Place of the frame on the table. */
  at: number;
  /** Place of the frame that is played in front of it. */
  playedAt: PlayedAt;
  phase: PlayerPhase;
  onToggle: () => void;
  /** So many frames on, or back where negative; beyond the ends to the last there. */
  onMove: (by: number) => void;
  onGo: (at: number) => void;
  /** At its right end. */
  children?: ReactNode;
}) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const selected = useMemo(() => frames.flatMap((frame, i) => (frame.selected ? [i] : [])), [frames]);
  const go = (event: PointerEvent<HTMLDivElement>) => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const to = clickedFrame(x, selected, frames.length, width);
    if (to !== at) onGo(to);
  };
  const current = frames[at];
  return (
    <div className={styles.strip}>
      <Keyed keys="Space" label={phase === "stopped" ? "Play" : "Stop"}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          loading={phase === "buffering"}
          disabled={frames.length === 0}
          aria-label={phase === "stopped" ? "Play" : "Stop"}
          onClick={onToggle}
        >
          {phase === "stopped" ? <IconPlayerPlayFilled size={18} /> : <IconPlayerPauseFilled size={18} />}
        </ActionIcon>
      </Keyed>
      <div
        ref={ref}
        className={styles.track}
        role="slider"
        tabIndex={0}
        aria-label="Frame"
        aria-valuemin={1}
        aria-valuemax={Math.max(1, frames.length)}
        aria-valuenow={at + 1}
        aria-valuetext={
          current
            ? `Frame ${current.index + 1}, ${current.selected ? current.state : "not selected"}${savedText(current.revision)}`
            : ""
        }
        data-testid="time-strip"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          go(event);
        }}
        onPointerMove={(event) => event.buttons === 1 && go(event)}
        onKeyDown={(event) => {
          const by = STEPS[event.key];
          if (!by) return;
          event.preventDefault();
          onMove(by);
        }}
      >
        <Marks frames={frames} width={width} />
        <Playhead at={at} playedAt={playedAt} count={frames.length} width={width} />
      </div>
      <Place at={at} playedAt={playedAt} of={frames.length} />
      {children}
    </div>
  );
});

interface Played {
  at: number;
  playedAt: PlayedAt;
}

/** Where the clip is: the frame played, else the one on the table. While it plays only this is rendered. */
function usePlace({ at, playedAt }: Played): number {
  return useSyncExternalStore(playedAt.subscribe, playedAt.get) ?? at;
}

function Playhead({ count: of, width, ...played }: Played & { count: number; width: number }) {
  const at = usePlace(played);
  if (at < 0 || of === 0) return null;
  return <span className={styles.playhead} style={{ transform: `translateX(${frameX(at, of, width)}px)` }} />;
}

function Place({ of, ...played }: Played & { of: number }) {
  const at = usePlace(played);
  return (
    <span className={styles.place}>
      {of > 0 && at >= 0 ? count(at + 1) : "–"}
      <span>/{count(of)}</span>
    </span>
  );
}

/** Drawn once for a clip's states: stepping and playing move only the playhead. */
const Marks = memo(function Marks({ frames, width }: { frames: readonly FrameOfClip[]; width: number }) {
  if (width === 0) return <svg height={HEIGHT} aria-hidden="true" />;
  const range = uncertaintyRange(frames);
  const selected = frames.filter((frame) => frame.selected);
  const radius = Math.min(4, Math.max(2, width / Math.max(1, selected.length) / 3));
  return (
    <svg width={width} height={HEIGHT} aria-hidden="true">
      <line x1={0} x2={width} y1={BASE} y2={BASE} stroke="var(--line-strong)" strokeWidth={1} />
      {frames.map(({ id, selected, state, revision, uncertainty }, at) => {
        if (!selected) return null;
        const unsure = uncertainty === null ? "" : `, ${uncertaintyText(uncertainty, range, "this clip")}`;
        return (
          <Mark
            key={id}
            x={frameX(at, frames.length, width)}
            radius={radius}
            state={state}
            revision={revision}
            bar={uncertainty === null ? 0 : uncertaintyBar(uncertainty, range) * TALLEST}
            title={`frame ${count(at + 1)}, ${state}${savedText(revision)}${unsure}`}
          />
        );
      })}
    </svg>
  );
});

/** Of hundreds, a stroke that is saved renders the one it changed. */
const Mark = memo(function Mark({
  x,
  radius,
  state,
  revision,
  bar,
  title,
}: {
  x: number;
  radius: number;
  state: FrameOfClip["state"];
  revision: number;
  /** Pixels of uncertainty. */
  bar: number;
  title: string;
}) {
  const color = `var(--state-${state})`;
  return (
    <g>
      <title>{title}</title>
      {bar > 0 && (
        <rect
          x={x - 1.5}
          width={3}
          y={BASE - 7 - bar}
          height={bar}
          rx={1}
          fill="var(--warning)"
          opacity={0.3 + (0.6 * bar) / TALLEST}
        />
      )}
      <circle
        cx={x}
        cy={BASE}
        r={radius}
        fill={state === "untouched" ? "var(--ground)" : color}
        stroke={color}
        strokeWidth={1.5}
      />
      {revision > 0 && <path d={revisionTicks(x, BASE + 7.5, radius, revision)} stroke="var(--text-2)" />}
    </g>
  );
});

const savedText = (revision: number) => (revision > 0 ? `, saved r${revision}` : "");
