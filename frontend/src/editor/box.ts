/** A rectangle of whole pixels: columns x … x+width-1, rows y … y+height-1. Never empty: no box is `null`. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The box of the pixels from (left, top) to (right, bottom), both included, inside a width×height map. */
export function boxBetween(
  left: number,
  top: number,
  right: number,
  bottom: number,
  width: number,
  height: number,
): Box | null {
  const x = Math.max(0, left);
  const y = Math.max(0, top);
  const boxWidth = Math.min(width - 1, right) - x + 1;
  const boxHeight = Math.min(height - 1, bottom) - y + 1;
  return boxWidth > 0 && boxHeight > 0 ? { x, y, width: boxWidth, height: boxHeight } : null;
}

/** The smallest box holding both. */
export function unionBox(a: Box | null, b: Box): Box {
  if (!a) return b;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}

/** The box with `by` pixels more on each side, cut at the map's border. */
export function growBox(box: Box, by: number, width: number, height: number): Box {
  const x = Math.max(0, box.x - by);
  const y = Math.max(0, box.y - by);
  return {
    x,
    y,
    width: Math.min(width, box.x + box.width + by) - x,
    height: Math.min(height, box.y + box.height + by) - y,
  };
}
