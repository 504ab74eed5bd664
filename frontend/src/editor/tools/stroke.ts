import type { OpenEdit } from "../edit";
import { type GreyRange, type PaintMask, paintCapsule, paintSquareSweep, snapBrush } from "../raster";
import type { ImagePoint } from "../transform";
import type { Preview, ToolHost } from "./tool";

/** What a brush puts down and where it may. */
export interface Brush {
  readonly label: number;
  readonly may: PaintMask;
  readonly shape: "round" | "square";
  /** Across, whole image pixels, at full pressure. */
  readonly size: number;
  readonly pressed: boolean;
  readonly within: GreyRange | null;
}

/** The host's brush as it is set now, for a stroke that begins at a place. */
export function brushAt(host: ToolHost, label: number, at: ImagePoint): Brush {
  const { brushShape, pressureSize } = host.options;
  return {
    label,
    may: host.mayReplace(label),
    shape: brushShape,
    size: host.brushSize,
    pressed: pressureSize,
    within: rangeAt(host, at),
  };
}

/** Size at a place: a pen held lightly paints thin; a mouse knows no pressure and paints full. */
export function sizeAt({ size, pressed }: Brush, { pressure }: ImagePoint): number {
  return pressed && pressure !== undefined ? Math.max(1, Math.round(size * pressure)) : size;
}

export function paintSegment(
  edit: OpenEdit,
  brush: Brush,
  from: ImagePoint,
  to: ImagePoint,
  size: number,
): void {
  const paint = brush.shape === "square" ? paintSquareSweep : paintCapsule;
  edit.painted(paint(edit.map, from, to, size / 2, brush.label, brush.may, brush.within));
}

export function brushPreview(host: ToolHost, hover: ImagePoint, size: number): Preview {
  const centre = snapBrush(hover, size);
  return host.options.brushShape === "square"
    ? { kind: "square", centre, size }
    : { kind: "circle", centre, diameter: size };
}

/** One stroke: label, shape and rules stay what they were when it began; only pressure changes its size. */
export class Stroke {
  private last: ImagePoint;
  private lastSize: number;

  constructor(
    private readonly edit: OpenEdit,
    private readonly brush: Brush,
    start: ImagePoint,
  ) {
    this.lastSize = sizeAt(brush, start);
    this.last = snapBrush(start, this.lastSize);
    paintSegment(edit, brush, this.last, this.last, this.lastSize);
  }

  get size(): number {
    return this.lastSize;
  }

  lineTo(at: ImagePoint): void {
    const size = sizeAt(this.brush, at);
    const next = snapBrush(at, size);
    const { last, lastSize } = this;
    if (size === lastSize) {
      if (next.x === last.x && next.y === last.y) return;
      paintSegment(this.edit, this.brush, last, next, size);
    } else {
      // One piece for each size on the way, so that a swelling stroke has no steps.
      const pieces = Math.min(
        Math.abs(size - lastSize),
        Math.max(1, Math.ceil(Math.hypot(next.x - last.x, next.y - last.y))),
      );
      let from = last;
      for (let piece = 1; piece <= pieces; piece++) {
        const part = piece / pieces;
        const to = { x: last.x + part * (next.x - last.x), y: last.y + part * (next.y - last.y) };
        paintSegment(this.edit, this.brush, from, to, Math.round(lastSize + part * (size - lastSize)));
        from = to;
      }
    }
    this.last = next;
    this.lastSize = size;
  }

  finish(): void {
    this.edit.finish();
  }

  revert(): void {
    this.edit.revert();
  }
}

/** Which greys the brush paints: as set, or around those under the place pressed (the mean of 3×3). */
function rangeAt(host: ToolHost, at: ImagePoint): GreyRange | null {
  const { threshold, low, high, around } = host.options;
  if (threshold === "off") return null;
  const greys = host.greys();
  if (threshold === "range") return { greys, low, high };
  let sum = 0;
  let count = 0;
  for (let y = Math.floor(at.y) - 1; y <= Math.floor(at.y) + 1; y++)
    for (let x = Math.floor(at.x) - 1; x <= Math.floor(at.x) + 1; x++) {
      if (x < 0 || y < 0 || x >= host.width || y >= host.height) continue;
      sum += greys[y * host.width + x];
      count++;
    }
  // Pressed outside the picture there is no grey to go by: paint nothing.
  if (count === 0) return { greys, low: 256, high: -1 };
  const grey = Math.round(sum / count);
  return { greys, low: grey - around, high: grey + around };
}
