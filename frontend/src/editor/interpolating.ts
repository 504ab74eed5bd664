import { Interpolation } from "./interpolate";
import { Labelmap } from "./labelmap";

export interface InterpolationTask {
  readonly width: number;
  readonly height: number;
  readonly first: Uint8Array<ArrayBuffer>;
  readonly second: Uint8Array<ArrayBuffer>;
  readonly shares: readonly number[];
}

/**
 * Masks at `shares` (0-1, in order) of the way between two key frames, made beside the page: a large picture with
 * many labels takes longer than a stroke may wait. Where there are no workers (tests) it is done in place.
 */
export async function interpolate(
  first: Labelmap,
  second: Labelmap,
  shares: readonly number[],
): Promise<Labelmap[]> {
  if (typeof Worker === "undefined") {
    const masks = new Interpolation(first, second);
    return shares.map((share) => masks.at(share));
  }
  const { width, height } = first;
  const worker = new Worker(new URL("./interpolate.worker.ts", import.meta.url), { type: "module" });
  try {
    const maps = await new Promise<Uint8Array<ArrayBuffer>[]>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Uint8Array<ArrayBuffer>[]>) => resolve(data);
      worker.onerror = (event) =>
        reject(
          new Error(`the masks between could not be made: ${event.message || "the worker did not load"}`),
        );
      worker.postMessage({
        width,
        height,
        first: first.data,
        second: second.data,
        shares,
      } satisfies InterpolationTask);
    });
    return maps.map((data) => new Labelmap(width, height, data));
  } finally {
    worker.terminate();
  }
}
