import { LiveWire } from "../livewire";
import { inSlices } from "../slices";
import type { ShapeMode } from "../toolOptions";
import type { ImagePoint } from "../transform";
import { NEAR } from "./polygon";
import { commitShape, modeOf, shownLabel } from "./shape";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** Pixels of the wire worked out in one pointer move (some 5 ms) and in one background step. */
const PER_MOVE = 30_000;
const PER_STEP = 4_000;

/**
 * Intelligent scissors: between presses the outline finds its way along edges; with Ctrl it goes straight.
 * It closes as a polygon does, and its inside is one undo step.
 */
export class ScissorsTool implements Tool {
  /** The outline that is fixed, and how long it was before each press. */
  private laid: ImagePoint[] = [];
  private marks: number[] = [];
  private wire: LiveWire | null = null;
  private stopWork: () => void = () => undefined;
  private mode: ShapeMode = "add";
  private straight = false;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.marks.length > 0;
  }

  onPointerDown(at: ImagePoint, modifiers: Modifiers): void {
    const first = this.laid[0];
    if (!first) {
      this.mode = modeOf(this.host, modifiers);
      this.lay([this.inside(at)]);
      return;
    }
    this.straight = modifiers.mod;
    const onFirst = this.marks.length >= 2 && this.isNear(at, first, NEAR);
    const onLast = this.isNear(at, this.last, NEAR / 2);
    if (onFirst || (onLast && this.marks.length >= 3)) this.onFinish();
    else if (!onLast) this.lay(this.way(this.inside(at), Number.POSITIVE_INFINITY));
  }

  onPointerMove(_at: ImagePoint, { mod }: Modifiers): void {
    this.straight = mod;
    this.host.previewChanged();
  }

  onPointerUp(): void {}

  onFinish(): void {
    const { laid, marks } = this;
    const closing = marks.length >= 2 ? this.way(laid[0], Number.POSITIVE_INFINITY) : [];
    this.forget();
    commitShape(this.host, [...laid, ...closing], this.mode);
    this.host.previewChanged();
  }

  onStepBack(): void {
    this.laid = this.laid.slice(0, this.marks.pop());
    this.rewire();
    this.host.previewChanged();
  }

  onCancel(): void {
    this.forget();
    this.host.previewChanged();
  }

  preview(hover: ImagePoint | null): readonly Preview[] {
    if (!this.isBusy) return [];
    const points = hover ? [...this.laid, ...this.way(this.inside(hover), PER_MOVE)] : this.laid;
    return [{ kind: "path", points, label: shownLabel(this.host, this.mode) }];
  }

  private get last(): ImagePoint {
    return this.laid[this.laid.length - 1];
  }

  /** From the last press on: along edges as far as the wire reaches, straight where it does not (yet). */
  private way(to: ImagePoint, pixels: number): ImagePoint[] {
    const path = this.straight ? null : (this.wire?.pathTo(to, pixels) ?? null);
    return path ? [...path.slice(1), to] : [to];
  }

  private lay(points: readonly ImagePoint[]): void {
    this.marks.push(this.laid.length);
    this.laid = [...this.laid, ...points];
    this.rewire();
    this.host.previewChanged();
  }

  /** A wire from the last press, worked out ahead of the pointer. */
  private rewire(): void {
    this.stopWork();
    this.wire = null;
    if (this.laid.length === 0) return;
    const { x, y } = this.last;
    const { host } = this;
    const wire = new LiveWire(host.greys(), host.width, host.height, Math.floor(x), Math.floor(y));
    this.wire = wire;
    this.stopWork = inSlices(() => wire.expand(PER_STEP));
  }

  private forget(): void {
    this.stopWork();
    this.wire = null;
    this.laid = [];
    this.marks = [];
  }

  /** The nearest place inside the picture. */
  private inside(at: ImagePoint): ImagePoint {
    return {
      x: Math.min(this.host.width - 0.5, Math.max(0, at.x)),
      y: Math.min(this.host.height - 0.5, Math.max(0, at.y)),
    };
  }

  private isNear(a: ImagePoint, b: ImagePoint, screenPixels: number): boolean {
    return Math.hypot(a.x - b.x, a.y - b.y) * this.host.scale <= screenPixels;
  }
}
