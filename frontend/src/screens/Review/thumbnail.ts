import { ApiError, send } from "../../api/client";
import { decodeMask } from "../../api/masks";
import { type ColorTables, Labelmap, paintOverlay } from "../../editor";

/** Pixels a thumbnail is wide at most: a card's width on a dense screen. */
const WIDTH = 480;
/** Pictures fetched at once: the ones in view must not wait behind a hundred that are not. */
const AT_ONCE = 4;

export interface Thumbnail {
  picture: ImageBitmap;
  /** At the picture's size: outlines made smaller with the picture would fade. */
  map: Labelmap;
  /** The revision drawn: a verdict speaks about this one. */
  revision: number;
}

/** The label map at another size, each pixel the one nearest to its middle: indices are never mixed. */
export function resized(map: Labelmap, width: number, height: number): Labelmap {
  const out = new Labelmap(width, height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * map.height) / height) * map.width;
    for (let x = 0; x < width; x++) {
      out.data[y * width + x] = map.data[row + Math.floor(((x + 0.5) * map.width) / width)];
    }
  }
  return out;
}

/** Runs at most `atOnce` pieces of work at a time, in the order they came; work aborted meanwhile never starts. */
export function limiter(atOnce: number): <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work, signal) => {
    // Who ends hands its place on: were it given up first, somebody new could take it as well.
    if (running >= atOnce) await new Promise<void>((start) => waiting.push(start));
    else running++;
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}

const limited = limiter(AT_ONCE);

/** A frame's picture and its newest mask, at the size of a card. */
export function loadThumbnail(frameId: number, signal: AbortSignal): Promise<Thumbnail> {
  return limited(async () => {
    const [image, mask] = await Promise.all([
      send("GET", `/api/frames/${frameId}/image`, undefined, { signal }).then((answer) => answer.blob()),
      send("GET", `/api/frames/${frameId}/mask`, undefined, {
        signal,
        headers: { "Cache-Control": "no-cache" },
      }),
    ]);
    const revision = Number(/"r(\d+)"/.exec(mask.headers.get("ETag") ?? "")?.[1] ?? Number.NaN);
    const map = await decodeMask(new Uint8Array(await mask.arrayBuffer()));
    const { width, height } = thumbnailSize(map);
    const picture = await createImageBitmap(image, {
      resizeWidth: width,
      resizeHeight: height,
      resizeQuality: "high",
    });
    return { picture, map: resized(map, width, height), revision };
  }, signal);
}

/** The draft people started from, at the size of a card; null where no model drafted the frame. */
export function loadDraft(frameId: number, signal: AbortSignal): Promise<Labelmap | null> {
  return limited(async () => {
    try {
      const answer = await send("GET", `/api/frames/${frameId}/draft`, undefined, { signal });
      const map = await decodeMask(new Uint8Array(await answer.arrayBuffer()));
      const { width, height } = thumbnailSize(map);
      return resized(map, width, height);
    } catch (error) {
      if (error instanceof ApiError && error.code === "no_draft") return null;
      throw error;
    }
  }, signal);
}

function thumbnailSize(map: Labelmap): { width: number; height: number } {
  const width = Math.min(WIDTH, map.width);
  return { width, height: Math.max(1, Math.round((map.height * width) / map.width)) };
}

/** The labels of `map` where it is not as `draft`; nothing drawn where a person erased is shown as `ERASED`. */
export function changes(map: Labelmap, draft: Labelmap): Labelmap {
  const out = new Labelmap(map.width, map.height);
  for (let i = 0; i < out.data.length; i++) {
    if (map.data[i] !== draft.data[i]) out.data[i] = map.data[i] || ERASED;
  }
  return out;
}

/** An index no project has: 255 is "not annotated" and never drawn. */
export const ERASED = 255;

/** Paint `map` over the whole of a canvas of its size. */
export function drawMask(canvas: HTMLCanvasElement, map: Labelmap, colors: ColorTables): void {
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser gives no 2D canvas: thumbnails cannot be drawn.");
  const pixels = new ImageData(map.width, map.height);
  paintOverlay(map, map.box, colors, new Uint32Array(pixels.data.buffer), map.width);
  context.putImageData(pixels, 0, 0);
}
