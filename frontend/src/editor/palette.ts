import { NOT_ANNOTATED } from "./labelmap";

/** What the editor must know of a label. */
export interface LabelStyle {
  /** 1-254. */
  readonly index: number;
  readonly name: string;
  /** "#rrggbb". */
  readonly color: string;
}

/** Twelve colours that stay apart on grey speckle: Okabe–Ito without black, extended in lightness. */
export const LABEL_COLORS: readonly string[] = [
  "#e69f00",
  "#56b4e9",
  "#009e73",
  "#f0e442",
  "#0072b2",
  "#d55e00",
  "#cc79a7",
  "#ffd08a",
  "#b3e0ff",
  "#7fe0c3",
  "#a6761d",
  "#f4b6d2",
];

/** How masks are drawn. */
export interface MaskStyle {
  /** Of the fill, 0-1; outlines are always opaque. */
  readonly opacity: number;
  readonly outlinesOnly: boolean;
  /** Label indices not drawn. */
  readonly hidden: ReadonlySet<number>;
  /** Of single labels, 0-1: fill and outline both, on top of `opacity`. */
  readonly strengths?: ReadonlyMap<number, number>;
  /** The label pointed at in a list: it stands out, the others step back. */
  readonly highlighted?: number | null;
}

/** What the highlighted label's fill is at least, and what is left of the others. */
const HIGHLIGHT_FILL = 0.6;
const STEPPED_BACK = 0.3;

/** Look-up tables from label index to a pixel as it lies in ImageData seen as 32-bit words. */
export interface ColorTables {
  readonly fill: Uint32Array;
  readonly outline: Uint32Array;
}

/** Tables for 256 labels; what has no style (background, 255, unknown) is drawn as nothing. */
export function colorTables(labels: readonly LabelStyle[], style: MaskStyle): ColorTables {
  const fill = new Uint32Array(256);
  const outline = new Uint32Array(256);
  for (const label of labels) {
    if (label.index < 1 || label.index >= NOT_ANNOTATED)
      throw new RangeError(`label "${label.name}" has index ${label.index}, expected 1-254`);
    if (style.hidden.has(label.index)) continue;
    const [red, green, blue] = parseColor(label.color);
    const isPicked = style.highlighted === label.index;
    const isBehind = style.highlighted != null && !isPicked;
    const strength = isPicked ? 1 : (style.strengths?.get(label.index) ?? 1) * (isBehind ? STEPPED_BACK : 1);
    const filled = isPicked
      ? Math.max(HIGHLIGHT_FILL, style.opacity)
      : style.outlinesOnly
        ? 0
        : style.opacity;
    outline[label.index] = word(red, green, blue, Math.round(strength * 255));
    fill[label.index] = word(red, green, blue, Math.round(filled * strength * 255));
  }
  return { fill, outline };
}

/** Red, green, blue (0-255) of "#rrggbb". */
export function parseColor(color: string): [number, number, number] {
  if (!/^#[0-9a-f]{6}$/i.test(color)) throw new RangeError(`"${color}" is no colour of the form #rrggbb`);
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** A colour as it lies in ImageData seen as 32-bit words; all of 0-255. No alpha is 0, whatever the colour. */
export function word(red: number, green: number, blue: number, alpha: number): number {
  if (alpha === 0) return 0;
  return LITTLE_ENDIAN
    ? ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0
    : ((red << 24) | (green << 16) | (blue << 8) | alpha) >>> 0;
}

/** The colours of a table drawn towards another by `share` (0-1), with `alpha` (0-255) where they have any. */
export function tinted(table: Uint32Array, towards: string, share: number, alpha: number): Uint32Array {
  const target = parseColor(towards);
  return table.map((color) => {
    if (color === 0) return 0;
    const bytes = LITTLE_ENDIAN
      ? [color & 0xff, (color >>> 8) & 0xff, (color >>> 16) & 0xff]
      : [color >>> 24, (color >>> 16) & 0xff, (color >>> 8) & 0xff];
    const [red, green, blue] = bytes.map((byte, i) => Math.round(byte + (target[i] - byte) * share));
    return word(red, green, blue, alpha);
  });
}
