/** Geometry of the time strip: frames spread evenly over a width in CSS pixels, half a frame of room at each end. */

/** The middle of frame `at` of `count`. */
export function frameX(at: number, count: number, width: number): number {
  return ((at + 0.5) / Math.max(1, count)) * width;
}

/** The frame under `x`; the nearest end outside. */
export function frameAt(x: number, count: number, width: number): number {
  if (width <= 0) return 0;
  return Math.min(count - 1, Math.max(0, Math.floor((x / width) * count)));
}

/** How near, in CSS pixels, a click counts as meant for a selected frame. */
const SNAP = 6;

/** The frame a click means: a selected one where it is near enough, since those are what people look for. */
export function clickedFrame(x: number, selected: readonly number[], count: number, width: number): number {
  const plain = frameAt(x, count, width);
  let nearest: number | null = null;
  let distance = SNAP;
  for (const at of selected) {
    const away = Math.abs(frameX(at, count, width) - x);
    if (away <= distance) {
      nearest = at;
      distance = away;
    }
  }
  return nearest ?? plain;
}

/** Lines below a dot at `x`, from `top` down, as an SVG path: one for one saved revision, two for two, three for more. */
export function revisionTicks(x: number, top: number, radius: number, revision: number): string {
  const tick = (i: number) => `M${x - radius} ${top + 2 * i}h${2 * radius}`;
  return [0, 1, 2].slice(0, revision).map(tick).join("");
}
