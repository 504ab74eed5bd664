import { BACKGROUND, type Labelmap, NOT_ANNOTATED } from "./labelmap";
import type { HeatMap } from "./layers";
import type { PaintMask } from "./raster";

/**
 * How sure a model was of what it drew, place by place: 0 not at all, 255 certain; of the picture's proportions, at
 * most of its size. It comes as a grey PNG, which a label map holds as it is.
 */
export type ConfidenceMap = Labelmap;

/** Where the model doubts: nothing where it is certain, full where another answer is as likely (one half). */
export function doubt({ width, height, data }: ConfidenceMap): HeatMap {
  return { width, height, data: data.map((sure) => Math.min(255, 2 * (255 - sure))) };
}

/**
 * A draft without what the model was not sure of: pixels of `label` (null: of every label) that `erase` lets go and
 * whose confidence is below `threshold`, 0-1, become background. Nothing else changes.
 */
export function withoutUnsure(
  draft: Labelmap,
  confidence: ConfidenceMap,
  threshold: number,
  label: number | null,
  erase: PaintMask,
): { readonly map: Labelmap; readonly pixels: number } {
  const map = draft.clone();
  const limit = 255 * threshold;
  // The place in the small map under the centre of each pixel.
  const columns = Int32Array.from({ length: map.width }, (_, x) =>
    Math.floor(((x + 0.5) * confidence.width) / map.width),
  );
  let pixels = 0;
  for (let y = 0, i = 0; y < map.height; y++) {
    const row = Math.floor(((y + 0.5) * confidence.height) / map.height) * confidence.width;
    for (let x = 0; x < map.width; x++, i++) {
      const is = map.data[i];
      if (is === BACKGROUND || is === NOT_ANNOTATED || (label !== null && is !== label)) continue;
      if (erase[is] === 0 || confidence.data[row + columns[x]] >= limit) continue;
      map.data[i] = BACKGROUND;
      pixels++;
    }
  }
  return { map, pixels };
}
