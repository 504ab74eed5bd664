/** Farther than any two pixels can be, squared. */
const FAR = 1e12;

/**
 * Whether each pixel's centre is within `by` of a pixel of a region: what `squaredDistances` says, some ten times sooner.
 *
 * Shapes
 *     region   width × height, 1 inside
 *     returns  width × height, 1 where it is
 */
export function within(
  region: Uint8Array,
  by: number,
  width: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  const far = Math.floor(by) + 1;
  // A pixel so many rows away reaches so many columns to both sides.
  const reach = Int32Array.from({ length: far + 1 }, (_, d) => (d < far ? Math.sqrt(by * by - d * d) : -1));
  const rows = new Int32Array(width * height); // to the nearest above or below, `far` at most
  const near = new Int32Array(width).fill(far);
  const count = (y: number) => {
    for (let x = 0, i = y * width; x < width; x++, i++) near[x] = region[i] ? 0 : Math.min(far, near[x] + 1);
  };
  for (let y = 0; y < height; y++) {
    count(y);
    rows.set(near, y * width);
  }
  const out = new Uint8Array(width * height);
  near.fill(far);
  for (let y = height - 1; y >= 0; y--) {
    count(y);
    const row = y * width;
    for (let x = 0, until = -1; x < width; x++) {
      near[x] = Math.min(near[x], rows[row + x]);
      const own = reach[near[x]];
      if (own >= 0 && x + own > until) until = x + own;
      if (x <= until) out[row + x] = 1;
    }
    for (let x = width - 1, from = width; x >= 0; x--) {
      const own = reach[near[x]];
      if (own >= 0 && x - own < from) from = x - own;
      if (x >= from) out[row + x] = 1;
    }
  }
  return out;
}

/**
 * The squared distance of every pixel's centre to the nearest pixel of a region, exact, in time that grows
 * with the pixels alone (Felzenszwalb and Huttenlocher, 2012). 0 inside; where the region is empty, 1e12.
 *
 * Shapes
 *     region   width × height, 1 inside
 *     returns  width × height
 */
export function squaredDistances(region: Uint8Array, width: number, height: number): Float64Array {
  const out = new Float64Array(width * height);
  const longest = Math.max(width, height);
  const line = new Float64Array(longest);
  const sites = new Int32Array(longest);
  const starts = new Float64Array(longest + 1);

  // Down the columns the distance is a count to the nearest pixel above or below.
  for (let x = 0; x < width; x++) {
    let near = FAR;
    for (let y = 0; y < height; y++) {
      near = region[y * width + x] ? 0 : near + 1;
      out[y * width + x] = near;
    }
    near = FAR;
    for (let y = height - 1; y >= 0; y--) {
      near = region[y * width + x] ? 0 : near + 1;
      const i = y * width + x;
      const nearest = Math.min(near, out[i]);
      out[i] = nearest >= FAR ? FAR : nearest * nearest;
    }
  }
  // Along the rows it is the lowest of parabolas, one above each column.
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let last = -1;
    for (let x = 0; x < width; x++) {
      const here = out[row + x];
      line[x] = here;
      if (here >= FAR) continue;
      let start = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const site = sites[last];
        start = (here + x * x - line[site] - site * site) / (2 * (x - site));
        if (start > starts[last]) break;
        last--;
      }
      if (last < 0) start = Number.NEGATIVE_INFINITY;
      last++;
      sites[last] = x;
      starts[last] = start;
    }
    if (last < 0) continue; // no pixel of the region in any column
    for (let x = 0, k = 0; x < width; x++) {
      while (k < last && starts[k + 1] < x) k++;
      out[row + x] = (x - sites[k]) ** 2 + line[sites[k]];
    }
  }
  return out;
}
