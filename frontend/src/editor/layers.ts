import type { Box } from "./box";
import type { Labelmap } from "./labelmap";
import { paintLines } from "./lines";
import { type ColorTables, parseColor, tinted, word } from "./palette";
import type { View } from "./transform";

/** A value per pixel, of the picture's size or smaller. Uint8Array: 0-255; Float32Array: 0-1. */
export interface HeatMap {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Float32Array;
}

/** Masks of the frames before and after; null where there is none. */
export interface Onion {
  readonly previous: Labelmap | null;
  readonly next: Labelmap | null;
}

/** What may lie over a frame beside its mask. Each null where it is not shown. */
export interface Layers {
  readonly onion: Onion | null;
  /** Drawn as a dashed outline. */
  readonly ghost: Labelmap | null;
  readonly difference: { readonly from: Labelmap; readonly to: Labelmap } | null;
  /** What the mask would become: only pixels that would change are drawn. */
  readonly proposal: Labelmap | null;
}

export const NO_LAYERS: Layers = { onion: null, ghost: null, difference: null, proposal: null };

/** Neighbours' outlines are the labels' colours drawn towards these: past is cold, future warm. */
const PREVIOUS = "#6fc3ff";
const NEXT = "#ff9f6f";
const TINT = 0.65;
/** Lost, won, and turned into another label: they stay apart for colour-blind eyes. */
export const DIFFERENCE = { lost: "#d55e00", won: "#56b4e9", other: "#f0e442" } as const;
const DIFFERENCE_ALPHA = 190;
const GHOST_ALPHA = 235;
const ERASED = word(235, 235, 235, 190);

/** Whether all there is to draw is lines: they go to the lines canvas in zoomed-in views. */
export function hasFills(layers: Layers): boolean {
  return layers.difference !== null || layers.proposal !== null;
}

export function isEmpty(layers: Layers): boolean {
  const { onion, ghost } = layers;
  return !hasFills(layers) && !ghost && !onion?.previous && !onion?.next;
}

/** The same layers with each of their maps replaced. */
export function withMaps(layers: Layers, replace: (map: Labelmap) => Labelmap): Layers {
  const { onion, ghost, difference, proposal } = layers;
  const of = (map: Labelmap | null | undefined) => (map ? replace(map) : null);
  return {
    onion: onion && { previous: of(onion.previous), next: of(onion.next) },
    ghost: of(ghost),
    difference: difference && { from: replace(difference.from), to: replace(difference.to) },
    proposal: of(proposal),
  };
}

/** Colours of each line layer, from the bottom to the top. */
function lineLayers(layers: Layers, colors: ColorTables): [Labelmap, Uint32Array, boolean][] {
  const lines: [Labelmap, Uint32Array, boolean][] = [];
  const { onion, ghost } = layers;
  if (onion?.previous) lines.push([onion.previous, tinted(colors.outline, PREVIOUS, TINT, 220), false]);
  if (onion?.next) lines.push([onion.next, tinted(colors.outline, NEXT, TINT, 220), false]);
  if (ghost) lines.push([ghost, tinted(colors.outline, "#ffffff", 0.25, GHOST_ALPHA), true]);
  return lines;
}

/**
 * Difference and proposal, and, with `lines`, onion skin and ghost as outlines one image pixel wide.
 *
 * Shapes
 *     current  the mask on the table
 *     box      inside it
 *     out      32-bit pixels, row by row, `stride` words a row; the box goes to its top left corner
 */
export function paintLayers(
  layers: Layers,
  current: Labelmap,
  box: Box,
  colors: ColorTables,
  lines: boolean,
  out: Uint32Array,
  stride: number,
): void {
  for (let row = 0; row < box.height; row++) out.fill(0, row * stride, row * stride + box.width);
  const { difference, proposal } = layers;
  if (difference) paintDifference(difference.from, difference.to, box, out, stride);
  if (proposal) paintProposal(current, proposal, box, colors, out, stride);
  if (!lines) return;
  for (const [map, table, dashed] of lineLayers(layers, colors)) {
    // One image pixel is one "screen" pixel here.
    paintLines(map, box, table, { view: { scale: 1, x: 0, y: 0 }, width: 1, dashed }, out, stride);
  }
}

/** Onion skin and ghost at the screen's resolution, as `paintLines` wants it; onto what `out` holds. */
export function paintLayerLines(
  layers: Layers,
  box: Box,
  colors: ColorTables,
  view: View,
  width: number,
  out: Uint32Array,
  stride: number,
): void {
  for (const [map, table, dashed] of lineLayers(layers, colors))
    paintLines(map, box, table, { view, width, dashed }, out, stride);
}

function paintDifference(from: Labelmap, to: Labelmap, box: Box, out: Uint32Array, stride: number): void {
  const [lost, won, other] = [DIFFERENCE.lost, DIFFERENCE.won, DIFFERENCE.other].map((color) =>
    word(...parseColor(color), DIFFERENCE_ALPHA),
  );
  for (let row = 0; row < box.height; row++) {
    let at = (box.y + row) * from.width + box.x;
    for (let target = row * stride; target < row * stride + box.width; target++, at++) {
      const was = from.data[at];
      const is = to.data[at];
      if (was !== is) out[target] = is === 0 ? lost : was === 0 ? won : other;
    }
  }
}

/** Stripes in the colour that would come, light ones where the label would go. */
function paintProposal(
  current: Labelmap,
  proposal: Labelmap,
  box: Box,
  colors: ColorTables,
  out: Uint32Array,
  stride: number,
): void {
  const strong = tinted(colors.outline, "#ffffff", 0, 215);
  const weak = tinted(colors.outline, "#ffffff", 0, 110);
  for (let row = 0; row < box.height; row++) {
    const y = box.y + row;
    let at = y * current.width + box.x;
    for (let column = 0; column < box.width; column++, at++) {
      const is = proposal.data[at];
      if (is === current.data[at]) continue;
      const inStripe = ((box.x + column + y) & 4) === 0;
      out[row * stride + column] = is === 0 ? (inStripe ? ERASED : 0) : inStripe ? strong[is] : weak[is];
    }
  }
}

/** A heat map as 32-bit pixels: nothing where it is low, then yellow, orange, red, ever less transparent. */
export function paintHeat(map: HeatMap, out: Uint32Array): void {
  const { data } = map;
  if (data instanceof Uint8Array) for (let i = 0; i < data.length; i++) out[i] = HEAT[data[i]];
  else
    for (let i = 0; i < data.length; i++)
      out[i] = HEAT[Math.max(0, Math.min(255, Math.round(data[i] * 255)))];
}

const HEAT = Uint32Array.from({ length: 256 }, (_, value) => {
  const t = value / 255;
  return word(255, Math.round(235 * (1 - t) ** 0.8), Math.round(40 * (1 - t)), Math.round(210 * t ** 1.2));
});
