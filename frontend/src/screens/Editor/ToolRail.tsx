import { ActionIcon, Slider } from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconBrush,
  IconBucketDroplet,
  IconEraser,
  IconHandStop,
  IconMaximize,
  IconPolygon,
} from "@tabler/icons-react";
import { type EditorSession, type EditorState, MAX_BRUSH, MIN_BRUSH, type ToolName } from "../../editor";
import styles from "./Editor.module.css";
import { Keyed } from "./Header";

const TOOLS = [
  { name: "brush", label: "Brush", keys: "B", icon: IconBrush },
  { name: "eraser", label: "Eraser", keys: "E", icon: IconEraser },
  { name: "polygon", label: "Polygon", keys: "P", icon: IconPolygon },
  { name: "fill", label: "Fill", keys: "F", icon: IconBucketDroplet },
  { name: "pan", label: "Move", keys: "Space + drag", icon: IconHandStop },
] as const satisfies readonly { name: ToolName; label: string; keys: string; icon: unknown }[];

/** Sizes of the brush feel even when the slider is logarithmic. */
const toSlider = (size: number) =>
  Math.round((100 * Math.log(size / MIN_BRUSH)) / Math.log(MAX_BRUSH / MIN_BRUSH));
const toSize = (at: number) => Math.round(MIN_BRUSH * (MAX_BRUSH / MIN_BRUSH) ** (at / 100));

export function ToolRail({ session, state }: { session: EditorSession; state: EditorState }) {
  const { editor } = session;
  const draws = state.tool === "brush" || state.tool === "eraser";
  return (
    <div className={styles.rail} role="toolbar" aria-label="Tools" aria-orientation="vertical">
      {TOOLS.map(({ name, label, keys, icon: Icon }) => (
        <Keyed key={name} keys={keys} label={label}>
          <button
            type="button"
            className={styles.tool}
            aria-label={label}
            aria-pressed={state.tool === name}
            disabled={state.readOnly && name !== "pan"}
            onClick={() => editor.setTool(name)}
          >
            <Icon size={19} stroke={1.6} />
            <span>{label}</span>
          </button>
        </Keyed>
      ))}
      <div className={styles.size} data-off={!draws || undefined}>
        <span title="Brush size in pixels of the picture">{state.brushSize} px</span>
        <Slider
          orientation="vertical"
          h={96}
          size="xs"
          value={toSlider(state.brushSize)}
          onChange={(at) => editor.setBrushSize(toSize(at))}
          label={null}
          thumbLabel="Brush size"
          disabled={!draws}
        />
        <span>
          <kbd>[</kbd> <kbd>]</kbd>
        </span>
      </div>
      <span className={styles.spring} />
      <Keyed keys="Ctrl Z" label="Undo">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Undo"
          disabled={!state.canUndo}
          onClick={() => editor.undo()}
        >
          <IconArrowBackUp size={18} />
        </ActionIcon>
      </Keyed>
      <Keyed keys="Ctrl Shift Z" label="Redo">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Redo"
          disabled={!state.canRedo}
          onClick={() => editor.redo()}
        >
          <IconArrowForwardUp size={18} />
        </ActionIcon>
      </Keyed>
      <Keyed keys="0 held" label="Fit to screen">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Fit to screen"
          onClick={() => editor.fitToScreen()}
        >
          <IconMaximize size={17} />
        </ActionIcon>
      </Keyed>
    </div>
  );
}
