import type { ShapeMode } from "../toolOptions";
import type { ImagePoint } from "../transform";
import { commitShape, modeOf, shownLabel } from "./shape";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** CSS pixels between the points kept: finer than a hand can draw. */
const STEP = 0.75;

/** A shape drawn freehand: what the pointer goes round, from press to release, is one undo step. */
export class LassoTool implements Tool {
  readonly needsEnd = true;
  private points: ImagePoint[] = [];
  private mode: ShapeMode = "add";

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.points.length > 0;
  }

  onPointerDown(at: ImagePoint, modifiers: Modifiers): void {
    this.mode = modeOf(this.host, modifiers);
    this.points = [at];
  }

  onPointerMove(at: ImagePoint): void {
    const last = this.points.at(-1);
    if (last && Math.hypot(at.x - last.x, at.y - last.y) * this.host.scale >= STEP) this.points.push(at);
  }

  onPointerUp(at: ImagePoint): void {
    this.onPointerMove(at);
    const { points } = this;
    this.points = [];
    commitShape(this.host, points, this.mode);
    this.host.previewChanged();
  }

  onCancel(): void {
    this.points = [];
    this.host.previewChanged();
  }

  preview(): readonly Preview[] {
    if (this.points.length === 0) return [];
    return [{ kind: "path", points: this.points, label: shownLabel(this.host, this.mode) }];
  }
}
