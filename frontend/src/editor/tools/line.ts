import type { OpenEdit } from "../edit";
import { snapBrush } from "../raster";
import type { ImagePoint } from "../transform";
import { type Brush, brushAt, brushPreview, paintSegment } from "./stroke";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** A straight line as wide as the brush, from press to release; with Shift in steps of 45°. */
export class LineTool implements Tool {
  private line: { readonly edit: OpenEdit; readonly brush: Brush; readonly from: ImagePoint } | null = null;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.line !== null;
  }

  onPointerDown(at: ImagePoint, modifiers: Modifiers): void {
    this.line?.edit.finish();
    const brush = brushAt(this.host, this.host.label, at);
    this.line = { edit: this.host.begin(), brush, from: at };
    this.onPointerMove(at, modifiers);
  }

  onPointerMove(at: ImagePoint, { shift }: Modifiers): void {
    if (!this.line) return;
    const { edit, brush, from } = this.line;
    const to = shift ? turned(from, at) : at;
    edit.restart();
    paintSegment(edit, brush, snapBrush(from, brush.size), snapBrush(to, brush.size), brush.size);
  }

  onPointerUp(at: ImagePoint, modifiers: Modifiers): void {
    this.onPointerMove(at, modifiers);
    this.line?.edit.finish();
    this.line = null;
  }

  onCancel(): void {
    this.line?.edit.revert();
    this.line = null;
  }

  preview(hover: ImagePoint | null): readonly Preview[] {
    return hover ? [brushPreview(this.host, hover, this.host.brushSize)] : [];
  }
}

/** The end nearest to `to` on one of the eight directions from `from`. */
export function turned(from: ImagePoint, to: ImagePoint): ImagePoint {
  const angle = Math.round(Math.atan2(to.y - from.y, to.x - from.x) / (Math.PI / 4)) * (Math.PI / 4);
  const length = (to.x - from.x) * Math.cos(angle) + (to.y - from.y) * Math.sin(angle);
  return { x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) };
}
