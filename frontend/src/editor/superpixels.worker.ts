import { superpixels } from "./superpixels";
import type { SuperpixelTask } from "./superpixelWorker";

/** The other side of superpixelWorker.ts. */
self.onmessage = ({ data: { greys, width, height, side } }: MessageEvent<SuperpixelTask>) => {
  const found = superpixels(greys, width, height, side);
  self.postMessage(found, { transfer: [found.of.buffer, found.boxes.buffer] });
};
