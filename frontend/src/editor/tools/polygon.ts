import { paintPolygon } from "../raster";
import type { ImagePoint } from "../transform";
import type { Preview, Tool, ToolHost } from "./tool";

/** CSS pixels within which a press counts as being on a corner. */
const NEAR = 8;

/**
 * Corners by presses. It closes on Enter, on a press on the first corner, or on a second press on the
 * last one (a double click); then the inside, by the even-odd rule, is painted as one undo step.
 */
export class PolygonTool implements Tool {
  private points: ImagePoint[] = [];

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.points.length > 0;
  }

  onPointerDown(at: ImagePoint): void {
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
    if (points.length >= 3) {
      const { label } = this.host;
      const edit = this.host.begin();
      edit.painted(paintPolygon(edit.map, points, label, this.host.mayReplace(label)));
      edit.finish();
    }
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
    return [{ kind: "path", points, label: this.host.label }];
  }

  private isOnLast(at: ImagePoint): boolean {
    const last = this.points.at(-1);
    return last !== undefined && this.isNear(at, last, NEAR / 2);
  }

  private isNear(a: ImagePoint, b: ImagePoint, screenPixels = NEAR): boolean {
    return Math.hypot(a.x - b.x, a.y - b.y) * this.host.scale <= screenPixels;
  }
}
