import { type Box, unionBox } from "./box";
import { BACKGROUND, type Labelmap, NOT_ANNOTATED } from "./labelmap";
import {
  fillHoles,
  grow,
  keepLargest,
  type Region,
  regionOf,
  removeIslands,
  shrink,
  smooth,
} from "./morphology";
import type { PaintMask } from "./raster";

/** What can be done to a label as a whole. Lengths in image pixels. */
export type Operation =
  | { readonly kind: "fillHoles" }
  | { readonly kind: "removeIslands"; readonly below: number }
  | { readonly kind: "keepLargest" }
  | { readonly kind: "smooth"; readonly by: number }
  | { readonly kind: "grow"; readonly by: number }
  | { readonly kind: "shrink"; readonly by: number }
  | { readonly kind: "convert"; readonly to: number };

/** Which labels painting with `label` may replace. */
type MayReplace = (label: number) => PaintMask;

/** Do an operation on a label in place. Returns a box around what may have changed; null for nothing. */
export function operate(
  map: Labelmap,
  label: number,
  operation: Operation,
  mayReplace: MayReplace,
): Box | null {
  const region = regionOf(map, label);
  if (!region) return null;
  if (operation.kind === "convert") return convert(map, label, operation.to, region, mayReplace);
  return setRegion(map, label, changed(region, operation, map), mayReplace);
}

function changed(
  region: Region,
  operation: Exclude<Operation, { kind: "convert" }>,
  { width, height }: Labelmap,
): Region {
  switch (operation.kind) {
    case "fillHoles":
      return fillHoles(region);
    case "removeIslands":
      return removeIslands(region, operation.below);
    case "keepLargest":
      return keepLargest(region);
    case "smooth":
      return smooth(region, operation.by, width, height);
    case "grow":
      return grow(region, operation.by, width, height);
    case "shrink":
      return shrink(region, operation.by, width, height);
  }
}

/**
 * Make a region (null: nothing) all there is of a label, as far as the rules for painting let: pixels it
 * loses become background. Pixels that are not annotated stay so: no person looked at them.
 */
export function setRegion(
  map: Labelmap,
  label: number,
  region: Region | null,
  mayReplace: MayReplace,
): Box | null {
  const erases = mayReplace(BACKGROUND)[label] === 1;
  const may = mayReplace(label);
  const { data, width } = map;
  const before = erases ? regionOf(map, label) : null;
  if (before) {
    const { box } = before;
    for (let row = 0; row < box.height; row++)
      for (let column = 0; column < box.width; column++) {
        const i = (box.y + row) * width + box.x + column;
        if (data[i] === label && !isIn(region, box.x + column, box.y + row)) data[i] = BACKGROUND;
      }
  }
  if (!region) return before?.box ?? null;
  const { box } = region;
  for (let row = 0; row < box.height; row++)
    for (let column = 0; column < box.width; column++) {
      const i = (box.y + row) * width + box.x + column;
      if (region.data[row * box.width + column] && may[data[i]] && data[i] !== NOT_ANNOTATED) data[i] = label;
    }
  return unionBox(before?.box ?? null, box);
}

/** The label's pixels become another's. Its own rule is that of erasing it; the other must take pixels at all. */
function convert(
  map: Labelmap,
  label: number,
  to: number,
  { box, data }: Region,
  mayReplace: MayReplace,
): Box | null {
  if (!mayReplace(BACKGROUND)[label] || !mayReplace(to).includes(1)) return null;
  for (let row = 0; row < box.height; row++)
    for (let column = 0; column < box.width; column++)
      if (data[row * box.width + column]) map.data[(box.y + row) * map.width + box.x + column] = to;
  return box;
}

function isIn(region: Region | null, x: number, y: number): boolean {
  if (!region) return false;
  const { box, data } = region;
  const [column, row] = [x - box.x, y - box.y];
  return (
    column >= 0 && row >= 0 && column < box.width && row < box.height && data[row * box.width + column] === 1
  );
}
