import type { Box } from "./box";
import type { Labelmap } from "./labelmap";
import type { ColorTables } from "./palette";

/**
 * Colour the pixels of one box: outline where a neighbour above, below, left or right has another
 * label, fill elsewhere. Where both are the same table no neighbour is looked at.
 *
 * Shapes
 *     box   inside the map
 *     out   32-bit pixels, row by row, `stride` words a row; the box goes to its top left corner
 */
export function paintOverlay(
  map: Labelmap,
  box: Box,
  colors: ColorTables,
  out: Uint32Array,
  stride: number,
): void {
  const { data, width, height } = map;
  const { fill, outline } = colors;
  if (fill === outline) {
    for (let row = 0; row < box.height; row++) {
      let i = (box.y + row) * width + box.x;
      for (let target = row * stride; target < row * stride + box.width; target++, i++)
        out[target] = fill[data[i]];
    }
    return;
  }
  // Outline colours follow the fills, so that speckle is looked up and not guessed at: in it every second
  // "is this an edge?" would be a branch taken wrongly.
  const { words } = map;
  COLORS.set(fill);
  COLORS.set(outline, 256);
  for (let row = 0; row < box.height; row++) {
    const y = box.y + row;
    const start = y * width;
    // At the border a pixel is its own neighbour: the edge of the picture is no outline.
    const above = y > 0 ? -width : 0;
    const below = y < height - 1 ? width : 0;
    const last = start + width - 1;
    let target = row * stride;
    let at = start + box.x;
    let before = data[box.x > 0 ? at - 1 : at];
    let label = data[at];
    for (const end = at + box.width; at < end; at++, target++) {
      // Background, four pixels at a time.
      while ((at & 3) === 0 && at + 4 <= end && words[at >> 2] === 0) {
        out[target] = out[target + 1] = out[target + 2] = out[target + 3] = 0;
        at += 4;
        target += 4;
        before = 0;
        label = data[at];
      }
      if (at === end) break;
      const after = data[at < last ? at + 1 : at];
      const edge =
        (data[at + above] ^ label) | (data[at + below] ^ label) | (before ^ label) | (after ^ label);
      // 256 where any of them differs, 0 where none does.
      out[target] = COLORS[((-edge >>> 31) << 8) | label];
      before = label;
      label = after;
    }
  }
}

const COLORS = new Uint32Array(512);
