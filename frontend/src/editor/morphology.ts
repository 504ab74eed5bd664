import { type Box, growBox } from "./box";
import { within } from "./distance";
import { blurred } from "./greys";
import type { Labelmap } from "./labelmap";
import { labelBox } from "./raster";

/** A set of pixels: 1 where they are, row by row over a box of the map. */
export interface Region {
  readonly box: Box;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** All pixels of a label; null where there is none. */
export function regionOf(map: Labelmap, label: number): Region | null {
  const box = labelBox(map, label);
  if (!box) return null;
  const data = map.read(box);
  for (let i = 0; i < data.length; i++) data[i] = data[i] === label ? 1 : 0;
  return { box, data };
}

/** The connected piece (through edges and corners) of its label that a pixel of the map belongs to. */
export function pieceAt(map: Labelmap, x: number, y: number): Region | null {
  const label = map.at(x, y);
  const whole = label === undefined ? null : regionOf(map, label);
  if (!whole) return null;
  const { ids } = pieces(whole);
  const id = ids[(y - whole.box.y) * whole.box.width + (x - whole.box.x)];
  return tight({ box: whole.box, data: whole.data.map((_, i) => (ids[i] === id ? 1 : 0)) });
}

/** Fill what the region encloses: all that cannot be left through edges without crossing it. */
export function fillHoles({ box, data }: Region): Region {
  const { width, height } = box;
  const outside = new Uint8Array(data.length);
  const open: number[] = [];
  const visit = (i: number) => {
    if (data[i] || outside[i]) return;
    outside[i] = 1;
    open.push(i);
  };
  for (let x = 0; x < width; x++) {
    visit(x);
    visit((height - 1) * width + x);
  }
  for (let y = 0; y < height; y++) {
    visit(y * width);
    visit(y * width + width - 1);
  }
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    const x = i % width;
    if (x > 0) visit(i - 1);
    if (x < width - 1) visit(i + 1);
    if (i >= width) visit(i - width);
    if (i < data.length - width) visit(i + width);
  }
  return { box, data: outside.map((isOutside) => 1 - isOutside) };
}

/** Without the pieces of fewer than `below` pixels. */
export function removeIslands(region: Region, below: number): Region {
  const { ids, sizes } = pieces(region);
  return { box: region.box, data: where(ids, (id) => id > 0 && sizes[id] >= below) };
}

/** Only its largest piece; of equals the first from the top left. */
export function keepLargest(region: Region): Region {
  const { ids, sizes } = pieces(region);
  let largest = 1;
  for (let id = 2; id < sizes.length; id++) if (sizes[id] > sizes[largest]) largest = id;
  return { box: region.box, data: where(ids, (id) => id === largest) };
}

/**
 * A smoother outline: a pixel belongs when at least half of the (2·by+1)² around it do. What lies outside
 * the map (width × height) does not vote, so that structures cut by its border keep their cut.
 */
export function smooth(region: Region, by: number, width: number, height: number): Region {
  const { box, data } = padded(region, by, width, height);
  const whole = { x: 0, y: 0, width: box.width, height: box.height };
  const mean = blurred(
    data.map((inside) => 255 * inside),
    box.width,
    box.height,
    whole,
    by,
  );
  return { box, data: where(mean, (value) => value >= 128) };
}

/** With all pixels within `by` of it, inside a map of width × height. */
export function grow(region: Region, by: number, width: number, height: number): Region {
  const { box, data } = padded(region, by, width, height);
  return { box, data: within(data, by, box.width, box.height) };
}

/** Without all pixels within `by` of what is not it. The map's border does not count as such. */
export function shrink(region: Region, by: number, width: number, height: number): Region {
  const { box, data } = padded(region, 1, width, height);
  const outside = where(data, (inside) => inside === 0);
  return { box, data: where(within(outside, by, box.width, box.height), (isNear) => isNear === 0) };
}

/** 1 for the values that are so. A loop: `Uint8Array.from` takes ten times as long. */
function where(values: Uint8Array | Int32Array, isSo: (value: number) => boolean): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) if (isSo(values[i])) out[i] = 1;
  return out;
}

/**
 * Numbers the connected pieces (through edges and corners) from 1 on, as they begin from the top left; 0 outside.
 * `sizes` by number.
 */
function pieces({ box, data }: Region): { ids: Int32Array; sizes: number[] } {
  const { width, height } = box;
  const ids = new Int32Array(data.length);
  // Of parts found to be one piece all lead to the one that began first, which leads to itself.
  const leads = [0];
  const firstOf = (id: number) => {
    while (leads[id] !== id) {
      leads[id] = leads[leads[id]]; // a shorter way for the next who asks
      id = leads[id];
    }
    return id;
  };
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      if (!data[i]) continue;
      let id = x > 0 ? ids[i - 1] : 0;
      const last = i - width + (x < width - 1 ? 1 : 0);
      for (let above = i - width - (x > 0 ? 1 : 0); y > 0 && above <= last; above++) {
        const other = ids[above];
        if (other === 0 || other === id) continue;
        const [one, two] = [firstOf(id || other), firstOf(other)];
        id = Math.min(one, two);
        leads[Math.max(one, two)] = id;
      }
      if (id === 0) {
        id = leads.length;
        leads.push(id);
      }
      ids[i] = id;
    }
  const sizes = [0];
  const numbers = [0];
  for (let id = 1; id < leads.length; id++) {
    if (leads[id] === id) sizes.push(0);
    numbers.push(leads[id] === id ? sizes.length - 1 : numbers[firstOf(id)]);
  }
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === 0) continue;
    ids[i] = numbers[ids[i]];
    sizes[ids[i]]++;
  }
  return { ids, sizes };
}

/** The same pixels in a box larger by `by` on each side, cut at the map's border. */
function padded({ box, data }: Region, by: number, width: number, height: number): Region {
  const larger = growBox(box, by, width, height);
  const wide = new Uint8Array(larger.width * larger.height);
  for (let row = 0; row < box.height; row++)
    wide.set(
      data.subarray(row * box.width, (row + 1) * box.width),
      (row + box.y - larger.y) * larger.width + (box.x - larger.x),
    );
  return { box: larger, data: wide };
}

/** The same pixels in the smallest box around them. The region must not be empty. */
function tight({ box, data }: Region): Region {
  let [left, top, right, bottom] = [box.width, box.height, -1, -1];
  for (let i = 0; i < data.length; i++) {
    if (!data[i]) continue;
    const x = i % box.width;
    const y = (i - x) / box.width;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const width = right - left + 1;
  const height = bottom - top + 1;
  const out = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const from = (top + row) * box.width + left;
    out.set(data.subarray(from, from + width), row * width);
  }
  return { box: { x: box.x + left, y: box.y + top, width, height }, data: out };
}
