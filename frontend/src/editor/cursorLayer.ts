import { type Box, unionBox } from "./box";
import { type Drawn, layOut } from "./cursorShapes";
import type { Preview } from "./tools";
import type { Size, View } from "./transform";

/** Sides of the canvas are multiples of this: a shape that grows a little does not need another canvas. */
const STEP = 64;

/**
 * What the tool in hand shows over the picture, on a canvas that is moved with it and no larger than need be:
 * without a GPU the browser copies every canvas and puts together again all that lies under it at each refresh.
 */
export class CursorLayer {
  private viewport: Size = { width: 0, height: 0 };
  private density = 1;
  private isEmpty = true;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly context: CanvasRenderingContext2D,
  ) {
    canvas.style.willChange = "transform";
  }

  /** CSS pixels of the element, and how many pixels of the screen each has along a side. */
  setViewport(viewport: Size, density: number): void {
    this.viewport = viewport;
    this.density = density;
  }

  draw(view: View, shapes: readonly Preview[], colorOf: (shape: Preview) => string): void {
    const drawn = shapes
      .map((shape) => layOut(this.context, view, shape, colorOf(shape)))
      .filter((each): each is Drawn => each !== null);
    const all = drawn.reduce<Box | null>((box, each) => unionBox(box, each.box), null);
    const place = all && this.onScreen(all);
    if (!place && this.isEmpty) return;
    this.isEmpty = !place;
    const { canvas, context, density } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!place) return;
    const [width, height] = [sideFor(place.width, canvas.width), sideFor(place.height, canvas.height)];
    // Setting a size, even the same, costs an allocation.
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    canvas.style.width = `${width / density}px`;
    canvas.style.height = `${height / density}px`;
    canvas.style.transform = `translate(${place.x / density}px, ${place.y / density}px)`;
    context.setTransform(density, 0, 0, density, -place.x, -place.y);
    for (const each of drawn) each.draw();
  }

  /** A box of CSS pixels in whole pixels of the screen, as far as it is in sight. */
  private onScreen(box: Box): Box | null {
    const { viewport, density } = this;
    const x = Math.max(0, Math.floor(box.x * density));
    const y = Math.max(0, Math.floor(box.y * density));
    const right = Math.min(Math.ceil(viewport.width * density), Math.ceil((box.x + box.width) * density));
    const bottom = Math.min(Math.ceil(viewport.height * density), Math.ceil((box.y + box.height) * density));
    return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
  }
}

/** A side for so many pixels; the present one while that is neither too short nor far too long. */
function sideFor(needed: number, present: number): number {
  const side = STEP * Math.ceil(needed / STEP);
  return present >= side && present <= 2 * side ? present : side;
}
