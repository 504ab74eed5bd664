import { MOST_WHOLE } from "./cutout";
import type { Picture } from "./editorState";
import { Labelmap } from "./labelmap";
import { AS_STORED, type Pixels, type PngAnswer, type PngTask, type Sizes, WrongPng } from "./pngTasks";
import { fromRuns, type MapRuns } from "./runs";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** Fetched only where it is needed: a browser has it in the worker. */
const coder = () => import("./png");

/**
 * Label maps to PNG and back without stopping the hand: encoding 1024×768 takes some 30 ms, which as a
 * task of the page would be felt in a stroke. Where there are no workers (tests) it is done in place.
 */
export class PngWorker {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  /** The PNG of the map that has these runs. */
  async encode({ width, height, runs }: MapRuns): Promise<Uint8Array<ArrayBuffer>> {
    if (typeof Worker === "undefined") return (await coder()).encodePng(fromRuns(width, height, runs));
    const answer = await this.ask<Pixels>({ id: ++this.last, kind: "encode", width, height, runs });
    return answer.data;
  }

  /** The bytes are handed over: they are empty afterwards. Rejects with WrongPng. */
  async decode(bytes: Uint8Array<ArrayBuffer>): Promise<Labelmap> {
    if (typeof Worker === "undefined") return (await coder()).decodePng(bytes);
    const task: PngTask = { id: ++this.last, kind: "decode", data: bytes };
    const { width, height, data } = await this.ask<Pixels>(task, bytes.buffer);
    return new Labelmap(width, height, data);
  }

  /**
   * The picture of a PNG as stored. A large one comes with its half: made on the page, where it is to be shown small,
   * a picture of 4096×3072 stops the hand for 45 ms. The bytes are handed over.
   */
  async picture(bytes: Uint8Array<ArrayBuffer>): Promise<Picture> {
    // Too short for a PNG: the browser says so.
    const header = new DataView(bytes.buffer, bytes.byteOffset);
    const isLarge = bytes.length > 24 && header.getUint32(16) * header.getUint32(20) > MOST_WHOLE;
    if (!isLarge) return createImageBitmap(new Blob([bytes], { type: "image/png" }), AS_STORED);
    const { full, half } = await this.ask<Sizes>(
      { id: ++this.last, kind: "picture", data: bytes },
      bytes.buffer,
    );
    return Object.assign(full, {
      half,
      close(): void {
        ImageBitmap.prototype.close.call(full);
        half.close();
      },
    });
  }

  dispose(): void {
    this.worker?.terminate();
    this.worker = null;
    this.failAll(new Error("the editor was closed"));
  }

  private ask<Answer extends Pixels | Sizes>(task: PngTask, handedOver?: ArrayBuffer): Promise<Answer> {
    this.worker ??= this.start();
    const { worker } = this;
    return new Promise((resolve, reject) => {
      this.waiting.set(task.id, { resolve: resolve as Waiting["resolve"], reject });
      worker.postMessage(task, handedOver ? [handedOver] : []);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL("./png.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data: answer }: MessageEvent<PngAnswer>) => {
      const waiting = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if ("error" in answer) waiting?.reject(new WrongPng(answer.error));
      else waiting?.resolve(answer);
    };
    // The script did not load or broke: nobody may wait for ever, and the next task starts a new one.
    worker.onerror = (event) => {
      worker.terminate();
      this.worker = null;
      this.failAll(new Error(`the PNG worker failed: ${event.message || "its script could not be loaded"}`));
    };
    return worker;
  }

  private failAll(error: Error): void {
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }
}
