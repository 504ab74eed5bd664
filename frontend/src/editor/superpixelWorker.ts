import type { Greys } from "./greys";
import { type Superpixels, superpixels } from "./superpixels";

export interface SuperpixelTask {
  readonly greys: Greys;
  readonly width: number;
  readonly height: number;
  readonly side: number;
}

/**
 * Superpixels without stopping the hand: they take some 200 ms at 1024×768. A worker of its own for each
 * picture, gone with its answer or when `signal` aborts (then nothing comes). Where there are no workers
 * (tests) it is done in place.
 */
export function findSuperpixels(task: SuperpixelTask, signal: AbortSignal): Promise<Superpixels> {
  if (typeof Worker === "undefined")
    return Promise.resolve(superpixels(task.greys, task.width, task.height, task.side));
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./superpixels.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Superpixels>) => {
      worker.terminate();
      resolve(data);
    };
    worker.onerror = (event) => {
      worker.terminate();
      reject(new Error(event.message || "the script that finds them could not be loaded"));
    };
    signal.addEventListener("abort", () => worker.terminate());
    worker.postMessage(task); // a copy: the greys stay with the picture
  });
}
