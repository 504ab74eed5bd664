import type { ImagePoint } from "../transform";
import { turned } from "./line";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** A ruler from press to release: it stays until the next press or Escape, and paints nothing. */
export class MeasureTool implements Tool {
  private from: ImagePoint | null = null;
  private to: ImagePoint | null = null;
  private drags = false;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.drags;
  }

  onPointerDown(at: ImagePoint): void {
    this.from = this.to = at;
    this.drags = true;
  }

  onPointerMove(at: ImagePoint, { shift }: Modifiers): void {
    if (this.drags && this.from) this.to = shift ? turned(this.from, at) : at;
  }

  onPointerUp(at: ImagePoint, modifiers: Modifiers): void {
    this.onPointerMove(at, modifiers);
    this.drags = false;
  }

  onCancel(): void {
    this.from = this.to = null;
    this.drags = false;
    this.host.previewChanged();
  }

  preview(): readonly Preview[] {
    const { from, to } = this;
    if (!from || !to) return [];
    const pixels = Math.hypot(to.x - from.x, to.y - from.y);
    const beside = { x: to.x + 12 / this.host.scale, y: to.y };
    return [
      { kind: "line", points: [from, to], label: null },
      { kind: "line", points: tick(from, to, 6 / this.host.scale), label: null },
      { kind: "line", points: tick(to, from, 6 / this.host.scale), label: null },
      { kind: "text", at: beside, text: lengthText(pixels, this.host.millimetresPerPixel) },
    ];
  }
}

/** "12.4 mm" on a calibrated clip, "87.0 px" on any other. */
export function lengthText(pixels: number, millimetresPerPixel: number | null): string {
  if (millimetresPerPixel === null) return `${pixels.toFixed(1)} px`;
  return `${(pixels * millimetresPerPixel).toFixed(1)} mm`;
}

/** A short line across the ruler's end. */
function tick(at: ImagePoint, other: ImagePoint, half: number): ImagePoint[] {
  const length = Math.hypot(other.x - at.x, other.y - at.y) || 1;
  const x = ((at.y - other.y) / length) * half;
  const y = ((other.x - at.x) / length) * half;
  return [
    { x: at.x + x, y: at.y + y },
    { x: at.x - x, y: at.y - y },
  ];
}
