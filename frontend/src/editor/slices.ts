/** Milliseconds of one slice: a stroke under way must not wait longer. */
const SLICE = 8;

/**
 * Call `step` until it answers true, in slices between which the page is free. Returns what stops it.
 */
export function inSlices(step: () => boolean): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const slice = () => {
    const end = performance.now() + SLICE;
    do {
      if (step()) return;
    } while (performance.now() < end);
    timer = setTimeout(slice, 0);
  };
  timer = setTimeout(slice, 0);
  return () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
}
