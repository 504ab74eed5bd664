import { word } from "./palette";

/** How the picture is shown. The stored pixels never change. */
export interface Display {
  /** A factor; 1 = as stored. */
  readonly brightness: number;
  /** A factor about the middle grey; 1 = as stored. */
  readonly contrast: number;
  /** Above 1 the dark parts get lighter. */
  readonly gamma: number;
  /** Width and middle, in grey values, of the range that is spread from black to white. */
  readonly window: number;
  readonly level: number;
  /** 0-1: how much of each neighbourhood's own contrast is brought out. */
  readonly localContrast: number;
  readonly invert: boolean;
}

export const PLAIN: Display = {
  brightness: 1,
  contrast: 1,
  gamma: 1,
  window: 255,
  level: 127.5,
  localContrast: 0,
  invert: false,
};

/** What each setting may be; what lies outside is moved to the nearest end. */
export const DISPLAY_RANGE = {
  brightness: [0.3, 3],
  contrast: [0.3, 3],
  gamma: [0.3, 3],
  window: [4, 510],
  level: [0, 255],
  localContrast: [0, 1],
} as const;

export function isPlain(display: Display): boolean {
  return (Object.keys(PLAIN) as (keyof Display)[]).every((name) => display[name] === PLAIN[name]);
}

/** The settings with the changes in their ranges; what is no number leaves the setting as it was. */
export function changed(display: Display, change: Partial<Display>): Display {
  const next: Record<string, number | boolean> = { ...display };
  for (const [name, [least, most]] of Object.entries(DISPLAY_RANGE)) {
    const value = change[name as keyof typeof DISPLAY_RANGE];
    if (typeof value === "number" && Number.isFinite(value))
      next[name] = Math.min(most, Math.max(least, value));
  }
  if (typeof change.invert === "boolean") next.invert = change.invert;
  return next as unknown as Display;
}

/** From a stored grey value to the opaque pixel shown, as 256 words: window, gamma, contrast, brightness, invert. */
export function lookUp(display: Display): Uint32Array {
  const { brightness, contrast, gamma, window, level, invert } = display;
  return Uint32Array.from({ length: 256 }, (_, value) => {
    const spread = Math.min(1, Math.max(0, (value - level) / window + 0.5));
    const curved = spread ** (1 / gamma);
    const shown = Math.min(1, Math.max(0, ((curved - 0.5) * contrast + 0.5) * brightness));
    const grey = Math.round(255 * (invert ? 1 - shown : shown));
    return word(grey, grey, grey, 255);
  });
}

/** The mean grey of each square of `reduction` × `reduction` pixels; at the right and lower border, of what there is. */
export function shrink(
  grey: Uint8Array,
  width: number,
  height: number,
  reduction: number,
): Uint8Array<ArrayBuffer> {
  const columns = Math.ceil(width / reduction);
  const rows = Math.ceil(height / reduction);
  const out = new Uint8Array(columns * rows);
  const sums = new Uint32Array(columns);
  for (let row = 0; row < rows; row++) {
    const bottom = Math.min(height, (row + 1) * reduction);
    sums.fill(0);
    for (let y = row * reduction; y < bottom; y++)
      for (let column = 0, i = y * width, end = i + width; column < columns; column++) {
        let sum = 0;
        for (const last = Math.min(end, i + reduction); i < last; i++) sum += grey[i];
        sums[column] += sum;
      }
    const tall = bottom - row * reduction;
    for (let column = 0; column < columns; column++) {
      const wide = Math.min(width, (column + 1) * reduction) - column * reduction;
      out[row * columns + column] = Math.round(sums[column] / (tall * wide));
    }
  }
  return out;
}

/** Neighbourhoods along each side of the picture. */
const TILES = 8;
/** A grey value may take this many times its even share of a neighbourhood; the rest is spread over all. */
const CLIP = 2.5;

/**
 * Contrast-limited adaptive histogram equalization (Zuiderveld, Graphics Gems IV, 1994): each pixel's grey by its
 * rank in its neighbourhood, between the four nearest neighbourhoods linearly.
 *
 * `grey` is row by row, `width` × `height`; so is what comes back. About 15 ns a pixel.
 */
export function equalize(grey: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  const columns = Math.min(TILES, width);
  const rows = Math.min(TILES, height);
  const maps = new Uint8Array(rows * columns * 256);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const x = [column, column + 1].map((edge) => Math.floor((edge * width) / columns));
      const y = [row, row + 1].map((edge) => Math.floor((edge * height) / rows));
      ranks(grey, width, x, y, maps.subarray((row * columns + column) * 256));
    }

  const across = between(width, columns);
  const along = between(height, rows);
  const out = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const upper = along.first[y] * columns * 256;
    const lower = along.second[y] * columns * 256;
    const down = along.share[y];
    for (let x = 0; x < width; x++, i++) {
      const value = grey[i];
      const left = across.first[x] * 256 + value;
      const right = across.second[x] * 256 + value;
      const share = across.share[x];
      const top = maps[upper + left] + (maps[upper + right] - maps[upper + left]) * share;
      const bottom = maps[lower + left] + (maps[lower + right] - maps[lower + left]) * share;
      out[i] = top + (bottom - top) * down + 0.5;
    }
  }
  return out;
}

/** Write into `map` which grey each of 256 values becomes in one neighbourhood. */
function ranks(grey: Uint8Array, width: number, x: number[], y: number[], map: Uint8Array): void {
  const counts = new Float64Array(256);
  for (let row = y[0]; row < y[1]; row++)
    for (let i = row * width + x[0]; i < row * width + x[1]; i++) counts[grey[i]]++;
  const pixels = (x[1] - x[0]) * (y[1] - y[0]);
  const most = (CLIP * pixels) / 256;
  let over = 0;
  for (let value = 0; value < 256; value++) {
    over += Math.max(0, counts[value] - most);
    counts[value] = Math.min(most, counts[value]);
  }
  let below = 0;
  for (let value = 0; value < 256; value++) {
    below += counts[value] + over / 256;
    map[value] = Math.min(255, Math.round((255 * below) / pixels));
  }
}

/** For each of `length` places the two of `count` neighbourhoods it lies between, and how near the second. */
function between(length: number, count: number) {
  const first = new Uint16Array(length);
  const second = new Uint16Array(length);
  const share = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const place = Math.min(count - 1, Math.max(0, ((i + 0.5) * count) / length - 0.5));
    first[i] = Math.floor(place);
    second[i] = Math.min(count - 1, first[i] + 1);
    share[i] = place - first[i];
  }
  return { first, second, share };
}
