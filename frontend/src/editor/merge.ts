import type { Box } from "./box";
import type { Labelmap } from "./labelmap";

/** Pixels that touch each other and that both sides changed, to different labels: a person chooses. */
export interface Overlap {
  /** Places in the map, row by row. */
  readonly pixels: Uint32Array<ArrayBuffer>;
  readonly box: Box;
}

export type Side = "mine" | "theirs";

/** Two label maps that grew from one, put together. */
export interface Merge {
  /** Everything that merges by itself; the overlaps hold the parent's pixels until they are chosen. */
  readonly map: Labelmap;
  /** Largest first. */
  readonly overlaps: readonly Overlap[];
  /** Pixels changed on one side only. */
  readonly onlyMine: number;
  readonly onlyTheirs: number;
}

/**
 * The three-way merge of label maps of one size: a pixel changed on one side takes that side's label, one changed
 * alike on both takes it, and one changed to different labels belongs to an overlap. Throws RangeError when the
 * sizes differ.
 */
export function merge(parent: Labelmap, mine: Labelmap, theirs: Labelmap): Merge {
  mustFit(parent, mine);
  mustFit(parent, theirs);
  const map = parent.clone();
  const contested = new Uint8Array(map.data.length);
  let onlyMine = 0;
  let onlyTheirs = 0;
  for (let at = 0; at < contested.length; at++) {
    const [was, my, their] = [parent.data[at], mine.data[at], theirs.data[at]];
    if (my === their) map.data[at] = my;
    else if (their === was) {
      map.data[at] = my;
      onlyMine++;
    } else if (my === was) {
      map.data[at] = their;
      onlyTheirs++;
    } else contested[at] = 1;
  }
  const overlaps = piecesOf(contested, map.width, map.height);
  overlaps.sort((one, other) => other.pixels.length - one.pixels.length);
  return { map, overlaps, onlyMine, onlyTheirs };
}

/** The merged map with one side chosen for each overlap, in their order. Throws RangeError for one without a choice. */
export function resolve(
  { map, overlaps }: Merge,
  mine: Labelmap,
  theirs: Labelmap,
  choices: readonly Side[],
): Labelmap {
  if (choices.length !== overlaps.length)
    throw new RangeError(`${choices.length} choices came for ${overlaps.length} overlaps`);
  const resolved = map.clone();
  overlaps.forEach(({ pixels }, number) => {
    const from = choices[number] === "mine" ? mine : theirs;
    for (const at of pixels) resolved.data[at] = from.data[at];
  });
  return resolved;
}

/** How many pixels of two maps of one size differ. */
export function difference(one: Labelmap, other: Labelmap): number {
  mustFit(one, other);
  let count = 0;
  for (let at = 0; at < one.data.length; at++) if (one.data[at] !== other.data[at]) count++;
  return count;
}

/** Connected pieces of the marked pixels, corners included. Unmarks them. */
function piecesOf(marked: Uint8Array, width: number, height: number): Overlap[] {
  const pieces: Overlap[] = [];
  for (let start = 0; start < marked.length; start++) {
    if (!marked[start]) continue;
    const found = [start];
    let [left, right, top, bottom] = [width, 0, height, 0];
    marked[start] = 0;
    for (let next = 0; next < found.length; next++) {
      const x = found[next] % width;
      const y = (found[next] - x) / width;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++)
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const at = row * width + column;
          if (!marked[at]) continue;
          marked[at] = 0;
          found.push(at);
        }
    }
    pieces.push({ pixels: Uint32Array.from(found).sort(), box: boxOf(left, top, right, bottom) });
  }
  return pieces;
}

function boxOf(left: number, top: number, right: number, bottom: number): Box {
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

function mustFit(one: Labelmap, other: Labelmap): void {
  if (one.width !== other.width || one.height !== other.height)
    throw new RangeError(
      `maps of ${one.width}×${one.height} and ${other.width}×${other.height} cannot be merged`,
    );
}
