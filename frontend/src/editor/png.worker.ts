import { decodePng, encodePng } from "./png";
import type { PngAnswer, PngTask } from "./pngWorker";
import { fromRuns } from "./runs";

/** The other side of pngWorker.ts. */
self.onmessage = ({ data: task }: MessageEvent<PngTask>) => {
  const answer = (result: PngAnswer, buffer?: ArrayBuffer) =>
    self.postMessage(result, { transfer: buffer ? [buffer] : [] });
  try {
    if (task.kind === "encode") {
      const { width, height, runs } = task;
      const png = encodePng(fromRuns(width, height, runs));
      answer({ id: task.id, width, height, data: png }, png.buffer);
    } else {
      const { width, height, data } = decodePng(task.data);
      answer({ id: task.id, width, height, data }, data.buffer);
    }
  } catch (error) {
    answer({ id: task.id, error: error instanceof Error ? error.message : String(error) });
  }
};
