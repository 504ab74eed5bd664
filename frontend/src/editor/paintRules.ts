import { BACKGROUND } from "./labelmap";
import type { PaintMask } from "./raster";

/** Which pixels painting may replace: any, only background, or only those of one label (its index). */
export type PaintOver = "all" | "background" | number;

export interface PaintRules {
  readonly paintOver: PaintOver;
  readonly locked: ReadonlySet<number>;
  readonly hidden: ReadonlySet<number>;
}

/**
 * Which labels painting with `label` may replace.
 *
 * A locked label neither loses pixels nor wins any. A hidden one is protected the same way: nobody
 * should change what they do not see. "Only background" is a rule for painting: erasing under it works
 * on every label. "Only one label" holds for erasing too.
 */
export function paintMask(label: number, { paintOver, locked, hidden }: PaintRules): PaintMask {
  const may = new Uint8Array(256);
  if (locked.has(label) || hidden.has(label)) return may;
  if (typeof paintOver === "number") may[paintOver] = 1;
  else {
    may.fill(paintOver === "background" && label !== BACKGROUND ? 0 : 1);
    may[BACKGROUND] = 1;
  }
  for (const index of locked) may[index] = 0;
  for (const index of hidden) may[index] = 0;
  return may;
}
