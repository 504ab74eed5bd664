import { type Box, growBox } from "./box";
import { BACKGROUND, Labelmap } from "./labelmap";
import type { Size, View } from "./transform";

/** Up to so many pixels are held, whatever is in sight: panning then redraws nothing. */
export const MOST_WHOLE = 2_500_000;
/** What is held beyond each side of the viewport, as a share of it: a pan redraws once it has come so far. */
const MARGIN = 1 / 8;
/** What was held before somebody zoomed in is held on to, up to so many times what would do. */
const MOST_TOO_LARGE = 3;

/**
 * What the canvases of a picture hold of it: a box, and how many of its pixels along each side become one of theirs.
 * Without a GPU the browser copies every canvas at each refresh: one of 4096×3072 would cost ten milliseconds.
 */
export interface Cutout {
  readonly image: Size;
  /** Begins and, save at the picture's border, ends at a whole pixel of the canvas. */
  readonly box: Box;
  readonly reduction: number;
}

/** What to hold for a view; `present` while it still does. `density` is pixels of the screen per CSS pixel. */
export function cutoutFor(
  image: Size,
  view: View,
  viewport: Size,
  density: number,
  present: Cutout | null,
): Cutout {
  const { width, height } = image;
  const isSmall = width * height <= MOST_WHOLE;
  // A hair of tolerance: a third of the size must not be told from a third by rounding.
  const reduction = isSmall ? 1 : Math.max(1, Math.floor(1 / (view.scale * density) + 1e-6));
  const isSame =
    present?.image.width === width && present.image.height === height && present.reduction === reduction;
  const whole = { x: 0, y: 0, width, height };
  const holdsAll = (width / reduction) * (height / reduction) <= MOST_WHOLE;
  if (holdsAll)
    return isSame && present.box.width === width && present.box.height === height
      ? present
      : { image, box: whole, reduction };

  const box = boxInSight(image, view, viewport, MARGIN, reduction);
  const isEnough = isSame && contains(present.box, boxInSight(image, view, viewport, 0, 1));
  if (isEnough && pixelsOf(present.box) <= MOST_TOO_LARGE * pixelsOf(box)) return present;
  return { image, box, reduction };
}

function pixelsOf({ width, height }: Box): number {
  return width * height;
}

/** The picture's pixels in sight, with a margin, from and to multiples of `step`; at least one of them. */
function boxInSight(image: Size, { scale, x, y }: View, viewport: Size, margin: number, step: number): Box {
  const span = (offset: number, room: number, length: number): [number, number] => {
    const from = Math.floor((-margin * room - offset) / scale / step) * step;
    const to = Math.ceil(((1 + margin) * room - offset) / scale / step) * step;
    const start = Math.min(Math.max(0, from), Math.floor((length - 1) / step) * step);
    return [start, Math.min(length, Math.max(to, start + step)) - start];
  };
  const [left, width] = span(x, viewport.width, image.width);
  const [top, height] = span(y, viewport.height, image.height);
  return { x: left, y: top, width, height };
}

function contains(outer: Box, inner: Box): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

/** A box of the picture's pixels as one of the reduced picture's. */
export function reducedBox({ x, y, width, height }: Box, reduction: number): Box {
  const left = Math.floor(x / reduction);
  const top = Math.floor(y / reduction);
  return {
    x: left,
    y: top,
    width: Math.ceil((x + width) / reduction) - left,
    height: Math.ceil((y + height) / reduction) - top,
  };
}

/** The part of a box of the picture that the cutout holds, in pixels of the reduced picture; null: nothing. */
export function heldOf({ box: held, reduction }: Cutout, box: Box): Box | null {
  const x = Math.max(box.x, held.x);
  const y = Math.max(box.y, held.y);
  const width = Math.min(box.x + box.width, held.x + held.width) - x;
  const height = Math.min(box.y + box.height, held.y + held.height) - y;
  return width > 0 && height > 0 ? reducedBox({ x, y, width, height }, reduction) : null;
}

/** Label maps made smaller, to be drawn where several of their pixels are one of the screen. */
export class ReducedMaps {
  private readonly kept = new WeakMap<Labelmap, Labelmap>();

  constructor(readonly reduction: number) {}

  /**
   * The map, made smaller, as it is now in the box (of the smaller map's pixels) and right next to it. Where it is
   * not to be made smaller, the map itself.
   */
  of(map: Labelmap, box: Box): Labelmap {
    const { reduction } = this;
    if (reduction === 1) return map;
    let small = this.kept.get(map);
    if (!small) {
      small = new Labelmap(Math.ceil(map.width / reduction), Math.ceil(map.height / reduction));
      this.kept.set(map, small);
    }
    reduce(map, reduction, growBox(box, 1, small.width, small.height), small);
    return small;
  }
}

/**
 * Of each square of pixels the label in its middle; where that is background, the first other label in it: a line
 * one pixel wide must not be lost.
 */
function reduce(map: Labelmap, reduction: number, box: Box, out: Labelmap): void {
  const { data, words, width, height } = map;
  const middle = reduction >> 1;
  for (let y = box.y; y < box.y + box.height; y++) {
    const target = y * out.width;
    const top = y * reduction;
    const bottom = Math.min(height, top + reduction);
    const centre = Math.min(height - 1, top + middle) * width;
    for (let x = box.x; x < box.x + box.width; x++)
      out.data[target + x] = data[centre + Math.min(width - 1, x * reduction + middle)];
    for (let row = top; row < bottom; row++) {
      const end = (row + 1) * width;
      for (let x = box.x, i = row * width + x * reduction; x < box.x + box.width; x++, i += reduction) {
        if (out.data[target + x] !== BACKGROUND) continue;
        const until = Math.min(end, i + reduction);
        // Background, four pixels at a time; some of them may be the neighbours'. The map's last three are in no word.
        let any = 0;
        for (let word = i >> 2; word <= (until - 1) >> 2; word++) any |= words[word];
        if (any === 0 && until <= 4 * words.length) continue;
        for (let at = i; at < until; at++)
          if (data[at] !== BACKGROUND) {
            out.data[target + x] = data[at];
            break;
          }
      }
    }
  }
}
