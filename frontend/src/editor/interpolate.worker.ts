import { Interpolation } from "./interpolate";
import type { InterpolationTask } from "./interpolating";
import { Labelmap } from "./labelmap";

/** The other side of interpolating.ts. */
self.onmessage = ({ data: task }: MessageEvent<InterpolationTask>) => {
  const { width, height, first, second, shares } = task;
  const masks = new Interpolation(new Labelmap(width, height, first), new Labelmap(width, height, second));
  const maps = shares.map((share) => masks.at(share).data);
  self.postMessage(maps, { transfer: maps.map(({ buffer }) => buffer) });
};
