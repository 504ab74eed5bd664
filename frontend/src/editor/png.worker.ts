import { decodePng, encodePng } from "./png";
import { AS_STORED, type PngAnswer, type PngTask, type Sizes } from "./pngTasks";
import { fromRuns } from "./runs";

/** The other side of pngWorker.ts. */
self.onmessage = async ({ data: task }: MessageEvent<PngTask>) => {
  const answer = (result: PngAnswer, ...transfer: Transferable[]) => self.postMessage(result, { transfer });
  try {
    if (task.kind === "encode") {
      const { width, height, runs } = task;
      const png = encodePng(fromRuns(width, height, runs));
      answer({ id: task.id, width, height, data: png }, png.buffer);
    } else if (task.kind === "picture") {
      const { full, half } = await sizesOf(task.data);
      answer({ id: task.id, full, half }, full, half);
    } else {
      const { width, height, data } = decodePng(task.data);
      answer({ id: task.id, width, height, data }, data.buffer);
    }
  } catch (error) {
    answer({ id: task.id, error: error instanceof Error ? error.message : String(error) });
  }
};

async function sizesOf(png: Uint8Array<ArrayBuffer>): Promise<Sizes> {
  const full = await createImageBitmap(new Blob([png], { type: "image/png" }), AS_STORED);
  const { width, height } = full;
  const canvas = new OffscreenCanvas(Math.ceil(width / 2), Math.ceil(height / 2));
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("this browser gives no 2D canvas: the picture cannot be made smaller");
  context.imageSmoothingQuality = "high";
  // Of an odd side the last pixel is made of one, not of what lies beside the picture.
  context.drawImage(full, 0, 0, width / 2, height / 2);
  return { full, half: canvas.transferToImageBitmap() };
}
