import type { Box } from "./box";
import type { Preview } from "./tools";
import { type ImagePoint, type ScreenPoint, toScreen, type View } from "./transform";

/** CSS pixels: of a polygon's first corner, of half a handle, around a shape for the width of its line. */
const RING = 4;
const HANDLE = 4;
const PIN = 7;
const LINE_MARGIN = 4;
const TEXT_HEIGHT = 20;
const FONT = "12px system-ui, sans-serif";

/** A shape ready to be drawn, and the place it takes, in CSS pixels. */
export interface Drawn {
  readonly box: Box;
  draw(): void;
}

/**
 * What a tool shows over the picture, to be drawn once there is a canvas where its box lies. Null: nothing.
 * `color` is the line's own, over a dark rim so that it shows on any speckle.
 */
export function layOut(
  context: CanvasRenderingContext2D,
  view: View,
  shape: Preview,
  color: string,
): Drawn | null {
  if (shape.kind === "text") return layOutText(context, toScreen(view, shape.at), shape.text);
  if (shape.kind === "pin") return layOutPin(context, toScreen(view, shape.at), shape);
  const path = new Path2D();
  const box = trace(path, view, shape);
  return box && { box, draw: () => strokeTwice(context, path, color) };
}

function strokeTwice(context: CanvasRenderingContext2D, path: Path2D, color: string): void {
  context.lineWidth = 3.5;
  context.strokeStyle = "rgba(0, 0, 0, 0.6)";
  context.stroke(path);
  context.lineWidth = 1.5;
  context.strokeStyle = color;
  context.stroke(path);
}

function trace(path: Path2D, view: View, shape: Exclude<Preview, { kind: "text" | "pin" }>): Box | null {
  switch (shape.kind) {
    case "circle": {
      const centre = toScreen(view, shape.centre);
      const radius = (shape.diameter / 2) * view.scale;
      path.arc(centre.x, centre.y, radius, 0, 2 * Math.PI);
      return boxAround([centre], radius + LINE_MARGIN);
    }
    case "square": {
      const centre = toScreen(view, shape.centre);
      const half = (shape.size / 2) * view.scale;
      path.rect(centre.x - half, centre.y - half, 2 * half, 2 * half);
      return boxAround([centre], half + LINE_MARGIN);
    }
    case "path": {
      const places = along(path, view, shape.points);
      // The first corner as a ring: a press on it closes the shape.
      const first = places[0];
      if (first) {
        path.moveTo(first.x + RING, first.y);
        path.arc(first.x, first.y, RING, 0, 2 * Math.PI);
      }
      return boxAround(places, RING + LINE_MARGIN);
    }
    case "line":
      return boxAround(along(path, view, shape.points), LINE_MARGIN);
    case "edges": {
      const places: ScreenPoint[] = [];
      for (let i = 0; i + 3 < shape.segments.length; i += 4) {
        const from = toScreen(view, { x: shape.segments[i], y: shape.segments[i + 1] });
        const to = toScreen(view, { x: shape.segments[i + 2], y: shape.segments[i + 3] });
        path.moveTo(from.x, from.y);
        path.lineTo(to.x, to.y);
        places.push(from, to);
      }
      return boxAround(places, LINE_MARGIN);
    }
    case "handles": {
      const places = shape.points.map((point) => toScreen(view, point));
      for (const { x, y } of places) path.rect(x - HANDLE, y - HANDLE, 2 * HANDLE, 2 * HANDLE);
      return boxAround(places, HANDLE + LINE_MARGIN);
    }
  }
}

function along(path: Path2D, view: View, points: readonly ImagePoint[]): ScreenPoint[] {
  const places = points.map((point) => toScreen(view, point));
  for (const [i, { x, y }] of places.entries()) {
    if (i === 0) path.moveTo(x, y);
    else path.lineTo(x, y);
  }
  return places;
}

function layOutPin(
  context: CanvasRenderingContext2D,
  { x, y }: ScreenPoint,
  { positive, pending }: { positive: boolean; pending: boolean },
): Drawn | null {
  const draw = () => {
    context.beginPath();
    context.arc(x, y, PIN, 0, 2 * Math.PI);
    context.fillStyle = positive ? "#1f9d57" : "#d63a2f";
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = "#ffffff";
    if (pending) context.setLineDash([3, 3]);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x - 3.5, y);
    context.lineTo(x + 3.5, y);
    if (positive) {
      context.moveTo(x, y - 3.5);
      context.lineTo(x, y + 3.5);
    }
    context.lineWidth = 2;
    context.stroke();
  };
  const box = boxAround([{ x, y }], PIN + LINE_MARGIN);
  return box && { box, draw };
}

function layOutText(context: CanvasRenderingContext2D, at: ScreenPoint, text: string): Drawn | null {
  context.font = FONT;
  const width = context.measureText(text).width + 12;
  const draw = () => {
    context.font = FONT; // a canvas of another size has forgotten it
    context.textBaseline = "middle";
    context.fillStyle = "rgba(16, 18, 20, 0.85)";
    context.fillRect(at.x, at.y - TEXT_HEIGHT / 2, width, TEXT_HEIGHT);
    context.fillStyle = "#ffffff";
    context.fillText(text, at.x + 6, at.y + 0.5);
  };
  const box = boxAround([at, { x: at.x + width, y: at.y }], TEXT_HEIGHT / 2 + 1);
  return box && { box, draw };
}

function boxAround(places: readonly ScreenPoint[], margin: number): Box | null {
  if (places.length === 0) return null;
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (const { x, y } of places) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  const x = Math.floor(left - margin);
  const y = Math.floor(top - margin);
  return { x, y, width: Math.ceil(right + margin) - x, height: Math.ceil(bottom + margin) - y };
}
