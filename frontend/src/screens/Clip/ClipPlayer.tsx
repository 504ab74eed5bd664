import { ActionIcon, Button, Select, Tooltip } from "@mantine/core";
import {
  IconContrast2,
  IconEye,
  IconEyeOff,
  IconPlayerPauseFilled,
  IconPlayerPlayFilled,
  IconPlayerSkipBack,
  IconPlayerSkipForward,
} from "@tabler/icons-react";
import { useState } from "react";
import { useNavigate } from "react-router";
import type { Clip, Frame, Project } from "../../api/types";
import { useKeys } from "../../app/useKeys";
import { errorText } from "../../ui/ErrorState";
import { FrameStatesLegend } from "../../ui/FrameStates";
import { StateBadge } from "../../ui/StateBadge";
import styles from "./Clip.module.css";
import { SelectedFrames } from "./SelectedFrames";
import { Strip } from "./Strip";
import { nearestSelected } from "./stripMath";
import { useClipPlayer } from "./useClipPlayer";

const RATES = ["0.25", "0.5", "1", "2"];

/** The clip moving with its masks, every frame of it as a strip, and the frames that people draw on. */
export function ClipPlayer({
  clip,
  frames,
  project,
}: {
  clip: Clip;
  frames: readonly Frame[];
  project: Project;
}) {
  const navigate = useNavigate();
  const [shown, setShown] = useState(true);
  const [outlinesOnly, setOutlinesOnly] = useState(false);
  const [rate, setRate] = useState("1");
  const player = useClipPlayer(clip, frames, project.labels, { shown, outlinesOnly });
  const { index, seek } = player;
  const frame = frames[index];
  const playing = player.phase !== "stopped";
  const step = (by: number) => seek(index + by);
  const toSelected = (way: 1 | -1) => seek(nearestSelected(frames, index, way));
  const open = () => {
    if (frame) void navigate(`/p/${project.id}/frames/${frame.id}`);
  };
  useKeys({
    " ": player.toggle,
    ",": () => step(-1),
    ".": () => step(1),
    "<": () => toSelected(-1),
    ">": () => toSelected(1),
    h: () => setShown(!shown),
    o: () => setOutlinesOnly(!outlinesOnly),
    enter: open,
  });

  return (
    <div className={styles.layout}>
      <div className={styles.stageColumn}>
        <div className={styles.stage} style={{ aspectRatio: `${clip.width ?? 4} / ${clip.height ?? 3}` }}>
          <canvas ref={player.pictureCanvas} role="img" aria-label="The frame" />
          <canvas ref={player.maskCanvas} />
          {player.problem && <p className={styles.problem}>{errorText(player.problem)}</p>}
        </div>
        <Strip frames={frames} index={index} onSeek={seek} />
        <div className={styles.controls}>
          <Tooltip label="Previous selected frame · Shift ,">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label="Previous selected frame"
              onClick={() => toSelected(-1)}
            >
              <IconPlayerSkipBack size={18} />
            </ActionIcon>
          </Tooltip>
          <Tooltip label={playing ? "Stop · Space" : "Play · Space"}>
            <ActionIcon
              size="lg"
              radius="xl"
              aria-label={playing ? "Stop" : "Play"}
              onClick={player.toggle}
              loading={player.phase === "buffering"}
            >
              {playing ? <IconPlayerPauseFilled size={18} /> : <IconPlayerPlayFilled size={18} />}
            </ActionIcon>
          </Tooltip>
          <Tooltip label="Next selected frame · Shift .">
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label="Next selected frame"
              onClick={() => toSelected(1)}
            >
              <IconPlayerSkipForward size={18} />
            </ActionIcon>
          </Tooltip>
          <span className={styles.place}>
            frame {index + 1} / {frames.length}
            {frame && <span className="quiet"> · {(frame.time_us / 1e6).toFixed(2)} s</span>}
          </span>
          {frame?.selected && <StateBadge state={frame.state} />}
          <span className={styles.looks}>
            <Select
              size="xs"
              w={84}
              aria-label="Speed"
              allowDeselect={false}
              data={RATES.map((value) => ({ value, label: `${value.replace("0.", ".")} ×` }))}
              value={rate}
              onChange={(value) => {
                if (!value) return;
                setRate(value);
                player.setRate(Number(value));
              }}
            />
            <Tooltip label={shown ? "Hide masks · H" : "Show masks · H"}>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={shown ? "Hide masks" : "Show masks"}
                onClick={() => setShown(!shown)}
              >
                {shown ? <IconEye size={18} /> : <IconEyeOff size={18} />}
              </ActionIcon>
            </Tooltip>
            <Tooltip label={outlinesOnly ? "Fill masks · O" : "Outlines only · O"}>
              <ActionIcon
                variant={outlinesOnly ? "light" : "subtle"}
                color={outlinesOnly ? undefined : "gray"}
                aria-label="Outlines only"
                aria-pressed={outlinesOnly}
                onClick={() => setOutlinesOnly(!outlinesOnly)}
              >
                <IconContrast2 size={18} />
              </ActionIcon>
            </Tooltip>
            <Button variant="default" size="xs" rightSection={<kbd>↵</kbd>} onClick={open} disabled={!frame}>
              {project.may.includes("annotate") ? "Correct this frame" : "Open this frame"}
            </Button>
          </span>
        </div>
        <div className={styles.legend}>
          <FrameStatesLegend />
          {frames.some((one) => one.uncertainty !== null) && (
            <span className="small quiet">Height: how unsure the model is</span>
          )}
        </div>
      </div>
      <SelectedFrames frames={frames} index={index} projectId={project.id} onSeek={seek} />
    </div>
  );
}
