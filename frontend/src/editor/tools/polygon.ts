import type { ShapeMode } from "../toolOptions";
import type { ImagePoint } from "../transform";
import { commitShape, modeOf, shownLabel } from "./shape";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** CSS pixels within which a press counts as being on a corner. */
export const NEAR = 8;

/**
 * Corners by presses. It closes on Enter, on a press on the first corner, or on a second press on the
 * last one (a double click); then the inside, by the even-odd rule, is painted as one undo step.
 */
export class PolygonTool implements Tool {
  private points: ImagePoint[] = [];
  /** By the keys held at the first press. */
  private mode: ShapeMode = "add";

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.points.length > 0;
  }

  onPointerDown(at: ImagePoint, modifiers: Modifiers): void {
    if (this.points.length === 0) this.mode = modeOf(this.host, modifiers);
    const closes = this.points.length >= 3 && (this.isNear(at, this.points[0]) || this.isOnLast(at));
    if (closes) {
      this.onFinish();
      return;
    }
    if (!this.isOnLast(at)) this.points.push(at);
    this.host.previewChanged();
  }

  onPointerMove(): void {
    this.host.previewChanged();
  }

  onPointerUp(): void {}

  onFinish(): void {
    const { points } = this;
    this.points = [];
    commitShape(this.host, points, this.mode);
    this.host.previewChanged();
  }

  onStepBack(): void {
    this.points.pop();
    this.host.previewChanged();
  }

  onCancel(): void {
    this.points = [];
    this.host.previewChanged();
  }

  preview(hover: ImagePoint | null): readonly Preview[] {
    if (this.points.length === 0) return [];
    const points = hover ? [...this.points, hover] : this.points;
    return [{ kind: "path", points, label: shownLabel(this.host, this.mode) }];
  }

  private isOnLast(at: ImagePoint): boolean {
    const last = this.points.at(-1);
    return last !== undefined && this.isNear(at, last, NEAR / 2);
  }

  private isNear(a: ImagePoint, b: ImagePoint, screenPixels = NEAR): boolean {
    return Math.hypot(a.x - b.x, a.y - b.y) * this.host.scale <= screenPixels;
  }
}
