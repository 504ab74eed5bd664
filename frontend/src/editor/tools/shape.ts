import { BACKGROUND } from "../labelmap";
import { labelBox, paintPolygon } from "../raster";
import type { ShapeMode } from "../toolOptions";
import type { ImagePoint } from "../transform";
import type { Modifiers, ToolHost } from "./tool";

/** What a shape begun with these keys does: Shift adds, Alt or Ctrl takes away, Shift and Alt replace. */
export function modeOf(host: ToolHost, { shift, alt, mod }: Modifiers): ShapeMode {
  const away = alt || mod;
  if (shift) return away ? "replace" : "add";
  return away ? "subtract" : host.options.shapeMode;
}

/** The label a shape is drawn in; null (white) where it takes away. */
export function shownLabel(host: ToolHost, mode: ShapeMode): number | null {
  return mode === "subtract" ? null : host.label;
}

/**
 * Paint a closed shape as one undo step: its inside becomes the label in hand (`add`), loses it
 * (`subtract`), or becomes all there is of it (`replace`). With background in hand it erases.
 */
export function commitShape(host: ToolHost, points: readonly ImagePoint[], mode: ShapeMode): void {
  if (points.length < 3) return;
  const { label } = host;
  const edit = host.begin();
  const erase = host.mayReplace(BACKGROUND);
  if (mode === "subtract" && label !== BACKGROUND) {
    const onlyThis = new Uint8Array(256);
    onlyThis[label] = erase[label];
    edit.painted(paintPolygon(edit.map, points, BACKGROUND, onlyThis));
    edit.finish();
    return;
  }
  const before =
    mode === "replace" && label !== BACKGROUND && erase[label] ? labelBox(edit.map, label) : null;
  if (before) {
    const { data, width } = edit.map;
    for (let y = before.y; y < before.y + before.height; y++)
      for (let i = y * width + before.x; i < y * width + before.x + before.width; i++)
        if (data[i] === label) data[i] = BACKGROUND;
    edit.painted(before);
  }
  edit.painted(paintPolygon(edit.map, points, label, host.mayReplace(label)));
  edit.finish();
}
