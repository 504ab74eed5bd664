import { Labelmap } from "./labelmap";
import { decodePng, encodePng } from "./png";
import type { PngAnswer, PngTask } from "./pngWorker";

/** The other side of pngWorker.ts. */
self.onmessage = ({ data: task }: MessageEvent<PngTask>) => {
  const answer = (result: PngAnswer, buffer?: ArrayBuffer) =>
    self.postMessage(result, { transfer: buffer ? [buffer] : [] });
  try {
    if (task.kind === "encode") {
      const png = encodePng(new Labelmap(task.width, task.height, task.data));
      answer({ id: task.id, width: task.width, height: task.height, data: png }, png.buffer);
    } else {
      const { width, height, data } = decodePng(task.data);
      answer({ id: task.id, width, height, data }, data.buffer);
    }
  } catch (error) {
    answer({ id: task.id, error: error instanceof Error ? error.message : String(error) });
  }
};
