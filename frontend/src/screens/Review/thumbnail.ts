import { send } from "../../api/client";
import { type colorTables, decodePng, Labelmap, paintOverlay } from "../../editor";

export type ColorTables = ReturnType<typeof colorTables>;

/** Pixels a thumbnail is wide at most: a card's width on a dense screen. */
const WIDTH = 480;
/** Pictures fetched at once: the ones in view must not wait behind a hundred that are not. */
const AT_ONCE = 4;

export interface Thumbnail {
  picture: ImageBitmap;
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

/** A frame's picture with its newest mask over it. */
export function loadThumbnail(frameId: number, colors: ColorTables, signal: AbortSignal): Promise<Thumbnail> {
  return limited(async () => {
    const [image, mask] = await Promise.all([
      send("GET", `/api/frames/${frameId}/image`, undefined, { signal }).then((answer) => answer.blob()),
      send("GET", `/api/frames/${frameId}/mask`, undefined, {
        signal,
        headers: { "Cache-Control": "no-cache" },
      }),
    ]);
    const revision = Number(/"r(\d+)"/.exec(mask.headers.get("ETag") ?? "")?.[1] ?? Number.NaN);
    const map = decodePng(new Uint8Array(await mask.arrayBuffer()));
    const width = Math.min(WIDTH, map.width);
    const height = Math.max(1, Math.round((map.height * width) / map.width));
    const canvas = new OffscreenCanvas(width, height);
    const overlay = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d");
    const overlayContext = overlay.getContext("2d");
    if (!context || !overlayContext)
      throw new Error("This browser gives no 2D canvas: thumbnails cannot be drawn.");
    const picture = await createImageBitmap(image);
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, width, height);
    picture.close();
    // Outlines are made at the thumbnail's size: made smaller with the picture they would fade.
    const pixels = new ImageData(width, height);
    const small = resized(map, width, height);
    paintOverlay(small, small.box, colors, new Uint32Array(pixels.data.buffer), width);
    overlayContext.putImageData(pixels, 0, 0);
    context.drawImage(overlay, 0, 0);
    return { picture: canvas.transferToImageBitmap(), revision };
  }, signal);
}
