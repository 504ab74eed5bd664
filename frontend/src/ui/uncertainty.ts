import { score } from "./format";

/** From the surest frame to the least sure. */
export interface UncertaintyRange {
  readonly low: number;
  readonly high: number;
}

/** Of the frames a model drafted; what a model says of itself lies close together, whatever the scale. */
export function uncertaintyRange(
  frames: readonly { readonly uncertainty: number | null }[],
): UncertaintyRange {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { uncertainty } of frames) {
    if (uncertainty === null) continue;
    low = Math.min(low, uncertainty);
    high = Math.max(high, uncertainty);
  }
  return { low, high };
}

/** How long its bar is, 0-1 of the room: never nothing, and the same for all where all are alike. */
export function uncertaintyBar(value: number, { low, high }: UncertaintyRange): number {
  return high > low ? 0.1 + (0.9 * (value - low)) / (high - low) : 0.1;
}

/** `of`: whose range it is. */
export function uncertaintyText(value: number, { low, high }: UncertaintyRange, of: string): string {
  return `uncertainty ${score(value)} (${of}: ${score(low)} to ${score(high)})`;
}
