import type { ImagePoint } from "../transform";
import { brushAt, brushPreview, Stroke } from "./stroke";
import type { Preview, Tool, ToolHost } from "./tool";

/** Paints one label, round or square. A press, a drag and a release together are one undo step. */
export class BrushTool implements Tool {
  private stroke: Stroke | null = null;

  constructor(protected readonly host: ToolHost) {}

  /** The label this tool puts down. */
  protected get label(): number {
    return this.host.label;
  }

  get isBusy(): boolean {
    return this.stroke !== null;
  }

  onPointerDown(at: ImagePoint): void {
    this.stroke?.finish(); // a press without a release: keep what is there
    const brush = brushAt(this.host, this.label, at);
    this.stroke = new Stroke(this.host.begin(), brush, at);
  }

  onPointerMove(at: ImagePoint): void {
    this.stroke?.lineTo(at);
  }

  onPointerUp(at: ImagePoint): void {
    // A pen that lifts presses no more: the release must not end the stroke in a point.
    this.stroke?.lineTo(
      at.pressure === 0 ? { x: at.x, y: at.y, pressure: this.stroke.size / this.host.brushSize } : at,
    );
    this.stroke?.finish();
    this.stroke = null;
  }

  onCancel(): void {
    this.stroke?.revert();
    this.stroke = null;
  }

  preview(hover: ImagePoint | null): readonly Preview[] {
    if (!hover) return [];
    return [brushPreview(this.host, hover, this.stroke?.size ?? this.host.brushSize)];
  }
}
