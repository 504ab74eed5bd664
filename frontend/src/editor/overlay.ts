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
  for (let row = 0; row < box.height; row++) {
    const y = box.y + row;
    const start = y * width;
    // At the border a pixel is its own neighbour: the edge of the picture is no outline.
    const above = y > 0 ? -width : 0;
    const below = y < height - 1 ? width : 0;
    let target = row * stride;
    for (let i = start + box.x; i < start + box.x + box.width; i++, target++) {
      const label = data[i];
      if (label === 0) {
        out[target] = 0;
        continue;
      }
      const edge =
        data[i + above] !== label ||
        data[i + below] !== label ||
        (i > start && data[i - 1] !== label) ||
        (i < start + width - 1 && data[i + 1] !== label);
      out[target] = edge ? outline[label] : fill[label];
    }
  }
}
