import type { Box } from "./box";
import type { Labelmap } from "./labelmap";
import type { View } from "./transform";

/** Where the picture lies and how wide a line is, all in pixels of the screen (not CSS pixels). */
export interface LineStyle {
  readonly view: View;
  readonly width: number;
  /** Leave out every second stretch of four. */
  readonly dashed?: boolean;
}

/**
 * Outlines as thin as the screen allows, along the sides of the label map's pixels, inside the label.
 *
 * For zoomed-in views: an outline one image pixel wide would there hide what it is to show.
 * The cost is that of the image pixels under `box`, so it is for scales where these are few.
 *
 * Shapes
 *     box     pixels of the screen; may reach over the picture's border
 *     colors  256 words, by label; 0 draws nothing
 *     out     32-bit pixels of the box, row by row, `stride` words a row; what is not a line is left as it was
 */
export function paintLines(
  map: Labelmap,
  box: Box,
  colors: Uint32Array,
  style: LineStyle,
  out: Uint32Array,
  stride: number,
): void {
  const { data, width, height } = map;
  const { scale, x, y } = style.view;
  const fromColumn = Math.max(0, Math.floor((box.x - x) / scale) - 1);
  const toColumn = Math.min(width - 1, Math.ceil((box.x + box.width - x) / scale));
  const fromRow = Math.max(0, Math.floor((box.y - y) / scale) - 1);
  const toRow = Math.min(height - 1, Math.ceil((box.y + box.height - y) / scale));
  // Rounded as the compositor rounds when it enlarges pixels, so that lines lie on their sides exactly.
  const left = (column: number) => Math.round(x + column * scale) - box.x;
  const top = (row: number) => Math.round(y + row * scale) - box.y;

  for (let row = fromRow; row <= toRow; row++) {
    const above = row > 0 ? -width : 0;
    const below = row < height - 1 ? width : 0;
    const y0 = top(row);
    const y1 = top(row + 1);
    for (let column = fromColumn; column <= toColumn; column++) {
      const i = row * width + column;
      const label = data[i];
      const color = colors[label];
      if (color === 0) continue;
      const before = column > 0 ? -1 : 0;
      const after = column < width - 1 ? 1 : 0;
      const isTop = data[i + above] !== label;
      const isBottom = data[i + below] !== label;
      const isLeft = data[i + before] !== label;
      const isRight = data[i + after] !== label;
      if (isTop || isBottom || isLeft || isRight) {
        const x0 = left(column);
        const x1 = left(column + 1);
        if (isTop) fill(x0, y0, x1, Math.min(y1, y0 + style.width), color);
        if (isBottom) fill(x0, Math.max(y0, y1 - style.width), x1, y1, color);
        if (isLeft) fill(x0, y0, Math.min(x1, x0 + style.width), y1, color);
        if (isRight) fill(Math.max(x0, x1 - style.width), y0, x1, y1, color);
      }
      // Where an outline turns around this pixel's corner, the two lines next to it would leave a nick.
      if (!isTop && !isLeft && data[i + above + before] !== label) corner(left(column), y0, color);
      if (!isTop && !isRight && data[i + above + after] !== label)
        corner(left(column + 1) - style.width, y0, color);
      if (!isBottom && !isLeft && data[i + below + before] !== label)
        corner(left(column), y1 - style.width, color);
      if (!isBottom && !isRight && data[i + below + after] !== label)
        corner(left(column + 1) - style.width, y1 - style.width, color);
    }
  }

  function corner(x0: number, y0: number, color: number): void {
    fill(x0, y0, x0 + style.width, y0 + style.width, color);
  }

  function fill(x0: number, y0: number, x1: number, y1: number, color: number): void {
    const [fromX, toX] = [Math.max(0, x0), Math.min(box.width, x1)];
    const [fromY, toY] = [Math.max(0, y0), Math.min(box.height, y1)];
    for (let line = fromY; line < toY; line++)
      for (let at = fromX; at < toX; at++)
        if (!style.dashed || ((at + box.x + line + box.y) & 4) === 0) out[line * stride + at] = color;
  }
}
