import type { OpenEdit } from "../edit";
import { type PaintMask, paintCapsule, snapBrush } from "../raster";
import type { ImagePoint } from "../transform";
import type { Preview, Tool, ToolHost } from "./tool";

/** Paints one label, round. A press, a drag and a release together are one undo step. */
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
    const { label } = this;
    this.stroke = new Stroke(this.host.begin(), label, this.host.brushSize, this.host.mayReplace(label), at);
  }

  onPointerMove(at: ImagePoint): void {
    this.stroke?.lineTo(at);
  }

  onPointerUp(at: ImagePoint): void {
    this.stroke?.lineTo(at);
    this.stroke?.finish();
    this.stroke = null;
  }

  onCancel(): void {
    this.stroke?.revert();
    this.stroke = null;
  }

  preview(hover: ImagePoint | null): readonly Preview[] {
    const { brushSize } = this.host;
    return hover ? [{ kind: "circle", centre: snapBrush(hover, brushSize), diameter: brushSize }] : [];
  }
}

/** One stroke: label, size and rules stay what they were when it began. */
class Stroke {
  private last: ImagePoint;

  constructor(
    private readonly edit: OpenEdit,
    private readonly label: number,
    private readonly size: number,
    private readonly may: PaintMask,
    start: ImagePoint,
  ) {
    this.last = snapBrush(start, size);
    this.paint(this.last, this.last);
  }

  lineTo(at: ImagePoint): void {
    const next = snapBrush(at, this.size);
    if (next.x === this.last.x && next.y === this.last.y) return;
    this.paint(this.last, next);
    this.last = next;
  }

  finish(): void {
    this.edit.finish();
  }

  revert(): void {
    this.edit.revert();
  }

  private paint(from: ImagePoint, to: ImagePoint): void {
    this.edit.painted(paintCapsule(this.edit.map, from, to, this.size / 2, this.label, this.may));
  }
}
