import { type Display, equalize, isPlain, lookUp, PLAIN } from "./display";
import type { Picture } from "./editorState";

export interface EqualizeTask {
  readonly id: number;
  readonly grey: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

export interface EqualizeAnswer {
  readonly id: number;
  readonly grey: Uint8Array<ArrayBuffer>;
}

/** Pixels read, looked up and drawn at a time: a few milliseconds. */
const BAND = 512 * 1024;
/** Milliseconds of one screen refresh that may go into the picture. */
const SLICE_MS = 8;
/** Pixels up to which local contrast is worked out in place while a clip plays. */
const MOST_IN_PLACE = 640 * 512;

/**
 * The picture, shown as `Display` says.
 *
 * As stored it is copied as it is. Else its grey values are read once, and each change of a setting is one pass
 * through a table of 256 words, some refreshes long where the picture is large. Local contrast is worked
 * out once per picture, in a worker.
 */
export class PictureLayer {
  private display: Display = PLAIN;
  private picture: Picture | null = null;
  /** Grey values of the picture, once they are read. */
  private grey: Uint8Array<ArrayBuffer> | null = null;
  private equalized: Uint8Array<ArrayBuffer> | null = null;
  private job: Generator<void, void> | null = null;
  private worker: Worker | null = null;
  private asked = 0;
  /** The answer of the worker is on its way. */
  private pending = false;
  private playing = false;
  private band: ImageData | null = null;
  private reader: CanvasRenderingContext2D | null = null;

  /** `soon` asks for a call of `step` at the next screen refresh. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly context: CanvasRenderingContext2D,
    private readonly soon: () => void,
  ) {}

  show(picture: Picture, playing: boolean): void {
    const { canvas } = this;
    // Setting a size, even the same, clears the canvas and costs an allocation.
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    if (this.picture !== picture) this.forget();
    this.picture = picture;
    this.playing = playing;
    // A large picture is first shown as it is stored: never one frame's picture under another's mask.
    if (isPlain(this.display) || !this.inOneGo) this.context.drawImage(picture as ImageBitmap, 0, 0);
    this.start();
    if (playing) while (this.job && !this.job.next().done);
  }

  clear(): void {
    this.forget();
    this.picture = null;
    this.canvas.width = 0;
  }

  setDisplay(display: Display): void {
    if (display === this.display) return;
    this.display = display;
    // A closed picture has no size: it was a frame of a clip that is no longer played.
    if (!this.picture || this.picture.width === 0) return;
    if (isPlain(display)) this.context.drawImage(this.picture as ImageBitmap, 0, 0);
    this.start();
  }

  /** Go on with what is left to draw, for some milliseconds. */
  step(): void {
    const until = this.inOneGo ? Number.POSITIVE_INFINITY : performance.now() + SLICE_MS;
    while (this.job && performance.now() < until) if (this.job.next().done) this.job = null;
    if (this.job) this.soon();
  }

  dispose(): void {
    this.worker?.terminate();
    this.job = null;
    this.forget();
  }

  private get inOneGo(): boolean {
    return this.picture !== null && this.picture.width * this.picture.height <= 2 * BAND;
  }

  private forget(): void {
    this.pending = false;
    this.grey = this.equalized = null;
    this.job = null;
    this.asked++; // an answer on its way is for a picture that is gone
  }

  private start(): void {
    this.job = isPlain(this.display) ? null : this.draw();
    if (this.job) this.soon();
  }

  private *draw(): Generator<void, void> {
    const { picture, display, context } = this;
    if (!picture) return;
    const { width, height } = picture;
    const grey = yield* this.read(picture);
    if (display.localContrast > 0 && !this.equalized) this.equalize(grey, width, height);
    const table = lookUp(display);
    const rows = Math.max(1, Math.floor(BAND / width));
    if (this.band?.width !== width || this.band.height < Math.min(rows, height))
      this.band = new ImageData(width, Math.min(rows, height));
    const pixels = new Uint32Array(this.band.data.buffer);
    for (let y = 0; y < height; y += rows) {
      const count = Math.min(rows, height - y);
      const from = y * width;
      paint(grey, this.equalized, display.localContrast, table, from, count * width, pixels);
      context.putImageData(this.band, 0, y, 0, 0, width, count);
      yield;
    }
  }

  private *read(picture: Picture): Generator<void, Uint8Array<ArrayBuffer>> {
    if (this.grey) return this.grey;
    const { width, height } = picture;
    const grey = new Uint8Array(width * height);
    const rows = Math.min(height, Math.max(1, Math.floor(BAND / width)));
    this.reader ??= this.canvas.ownerDocument
      .createElement("canvas")
      .getContext("2d", { willReadFrequently: true, alpha: false });
    const { reader } = this;
    if (!reader) throw new Error("this browser gives no 2D canvas: the picture cannot be read");
    if (reader.canvas.width !== width) reader.canvas.width = width;
    if (reader.canvas.height !== rows) reader.canvas.height = rows;
    for (let y = 0; y < height; y += rows) {
      const count = Math.min(rows, height - y);
      reader.drawImage(picture as ImageBitmap, 0, y, width, count, 0, 0, width, count);
      const { data } = reader.getImageData(0, 0, width, count);
      // Frames are grey: one channel says it all.
      for (let i = 0, at = y * width; i < data.length; i += 4) grey[at++] = data[i];
      yield;
    }
    this.grey = grey;
    return grey;
  }

  private equalize(grey: Uint8Array<ArrayBuffer>, width: number, height: number): void {
    if (this.playing) {
      // An answer that comes later would flicker; what is too large for that plays without.
      if (grey.length <= MOST_IN_PLACE) this.equalized = equalize(grey, width, height);
      return;
    }
    if (this.pending) return;
    this.pending = true;
    this.worker ??= new Worker(new URL("./equalize.worker.ts", import.meta.url), { type: "module" });
    const id = ++this.asked;
    this.worker.onmessage = ({ data: answer }: MessageEvent<EqualizeAnswer>) => {
      if (answer.id !== this.asked) return;
      this.pending = false;
      this.equalized = answer.grey;
      this.start();
    };
    const task: EqualizeTask = { id, grey: grey.slice(), width, height };
    this.worker.postMessage(task, [task.grey.buffer]);
  }
}

function paint(
  grey: Uint8Array,
  equalized: Uint8Array | null,
  share: number,
  table: Uint32Array,
  from: number,
  count: number,
  out: Uint32Array,
): void {
  if (!equalized || share === 0) {
    for (let i = 0; i < count; i++) out[i] = table[grey[from + i]];
    return;
  }
  const part = Math.round(share * 256);
  for (let i = 0; i < count; i++) {
    const value = grey[from + i];
    out[i] = table[value + (((equalized[from + i] - value) * part) >> 8)];
  }
}
