import { ActionIcon } from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconArrowsMove,
  IconBrush,
  IconBucketDroplet,
  IconEraser,
  IconHandStop,
  IconHexagons,
  IconLasso,
  IconLine,
  IconMaximize,
  IconPointerPlus,
  IconPolygon,
  IconRulerMeasure,
  IconScissors,
  IconWand,
} from "@tabler/icons-react";
import { memo } from "react";
import type { EditorSession, EditorState, ToolName } from "../../editor";
import styles from "./Editor.module.css";
import { Keyed } from "./Header";

const TOOLS = [
  { name: "brush", label: "Brush", keys: "B", icon: IconBrush },
  { name: "eraser", label: "Eraser", keys: "E", icon: IconEraser },
  { name: "line", label: "Line", keys: "I", icon: IconLine },
  { name: "polygon", label: "Polygon", keys: "P", icon: IconPolygon },
  { name: "lasso", label: "Lasso", keys: "L", icon: IconLasso },
  { name: "scissors", label: "Scissors", keys: "S", icon: IconScissors },
  { name: "fill", label: "Fill", keys: "F", icon: IconBucketDroplet },
  { name: "grow", label: "Grow", keys: "G", icon: IconWand },
  { name: "superpixel", label: "Patches", keys: "R", icon: IconHexagons },
  { name: "clicks", label: "Click to fix", keys: "C", icon: IconPointerPlus },
  { name: "move", label: "Move", keys: "V", icon: IconArrowsMove },
  { name: "measure", label: "Measure", keys: "M", icon: IconRulerMeasure },
  { name: "pan", label: "Pan", keys: "Space + drag", icon: IconHandStop },
] as const satisfies readonly { name: ToolName; label: string; keys: string; icon: unknown }[];

/** These change nothing: who may only look has them too. */
const LOOKS: ReadonlySet<ToolName> = new Set<ToolName>(["measure", "pan"]);

/** A stroke that is saved must not render fourteen tooltips anew: it is asked for nothing that changes with it. */
export const ToolRail = memo(function ToolRail({
  session,
  tool,
  readOnly,
  canUndo,
  canRedo,
}: { session: EditorSession } & Pick<EditorState, "tool" | "readOnly" | "canUndo" | "canRedo">) {
  const { editor } = session;
  return (
    <div className={styles.rail} role="toolbar" aria-label="Tools" aria-orientation="vertical">
      {TOOLS.map(({ name, label, keys, icon: Icon }) => (
        <Keyed key={name} keys={keys} label={label}>
          <button
            type="button"
            className={styles.tool}
            aria-label={label}
            aria-pressed={tool === name}
            disabled={readOnly && !LOOKS.has(name)}
            onClick={() => editor.setTool(name)}
          >
            <Icon size={19} stroke={1.6} />
            <span>{label}</span>
          </button>
        </Keyed>
      ))}
      <span className={styles.spring} />
      <Keyed keys="Ctrl Z" label="Undo">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Undo"
          disabled={!canUndo}
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
          disabled={!canRedo}
          onClick={() => editor.redo()}
        >
          <IconArrowForwardUp size={18} />
        </ActionIcon>
      </Keyed>
      <Keyed keys="0 / = / -" label="Fit to screen; by key while held, zoom in, zoom out">
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
});
