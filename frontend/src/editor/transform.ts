/** A place on the picture, in image pixels: pixel (3, 5) covers x in [3, 4), y in [5, 6). */
export interface ImagePoint {
  readonly x: number;
  readonly y: number;
  /** Of a pen, 0-1; undefined where the pointer knows none (a mouse, most fingers). */
  readonly pressure?: number;
}

/** A place in the viewport, in CSS pixels from its top left corner. */
export interface ScreenPoint {
  readonly x: number;
  readonly y: number;
  /** Of a pen, 0-1; undefined where the pointer knows none. */
  readonly pressure?: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How the picture lies in the viewport: screen = image · scale + (x, y). */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const MIN_SCALE = 0.05;
export const MAX_SCALE = 64;
/** CSS pixels of the picture that always stay in the viewport, so that it cannot be lost. */
const KEEP_IN_SIGHT = 48;

export function toImage(view: View, at: ScreenPoint): ImagePoint {
  const place = { x: (at.x - view.x) / view.scale, y: (at.y - view.y) / view.scale };
  return at.pressure === undefined ? place : { ...place, pressure: at.pressure };
}

export function toScreen(view: View, at: ImagePoint): ScreenPoint {
  return { x: at.x * view.scale + view.x, y: at.y * view.scale + view.y };
}

/** Zoom by a factor; the image point under `at` stays under it. */
export function zoomAbout(view: View, at: ScreenPoint, factor: number): View {
  const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, view.scale * factor));
  const fixed = toImage(view, at);
  return { scale, x: at.x - fixed.x * scale, y: at.y - fixed.y * scale };
}

/** The whole image, as large as it can be, in the middle, `margin` CSS pixels from the border. */
export function fitView(image: Size, viewport: Size, margin = 16): View {
  const room = {
    width: Math.max(1, viewport.width - 2 * margin),
    height: Math.max(1, viewport.height - 2 * margin),
  };
  const wanted = Math.min(room.width / image.width, room.height / image.height);
  const scale = Math.min(MAX_SCALE, Math.max(MIN_SCALE, wanted));
  return {
    scale,
    x: (viewport.width - image.width * scale) / 2,
    y: (viewport.height - image.height * scale) / 2,
  };
}

/** The nearest view in which some of the image is inside the viewport. */
export function keepInSight(view: View, image: Size, viewport: Size): View {
  const clamp = (offset: number, length: number, room: number) => {
    const keep = Math.min(KEEP_IN_SIGHT, length, room);
    return Math.min(room - keep, Math.max(keep - length, offset));
  };
  return {
    scale: view.scale,
    x: clamp(view.x, image.width * view.scale, viewport.width),
    y: clamp(view.y, image.height * view.scale, viewport.height),
  };
}
