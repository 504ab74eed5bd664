import { type Cutout, reducedBox } from "./cutout";
import { type Display, equalize, isPlain, lookUp, PLAIN, shrink } from "./display";
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
/** Pixels that are read, looked up and drawn within one refresh: two passes over a picture that is held whole. */
const MOST_IN_ONE_GO = 5_000_000;
/** Pixels up to which local contrast is worked out in place while a clip plays. */
const MOST_IN_PLACE = 640 * 512;

/**
 * The picture, shown as `Display` says: of a large one, the part and the size that are in sight (see cutout.ts).
 *
 * As stored it is copied as it is. Else its grey values are read once, and each change of a setting is one pass
 * through a table of 256 words. Local contrast is worked out once per picture, in a worker. All drawing is done
 * at the next screen refresh.
 */
export class PictureLayer {
  private display: Display = PLAIN;
  private picture: Picture | null = null;
  private cutout: Cutout | null = null;
  /** Grey values of the picture, once they are read. */
  private grey: Uint8Array<ArrayBuffer> | null = null;
  private equalized: Uint8Array<ArrayBuffer> | null = null;
  /** Greys as they are shown, by those they were made from. */
  private shrunk = new WeakMap<Uint8Array, Uint8Array>();
  /** The canvas shows something else: another picture, or another part of it. */
  private isStale = false;
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

  show(picture: Picture, cutout: Cutout, playing: boolean): void {
    if (this.picture !== picture) this.forget();
    this.picture = picture;
    this.playing = playing;
    this.setCutout(cutout);
    this.isStale = true;
    this.start();
  }

  /** Another part of the picture, or another size. */
  setCutout(cutout: Cutout): void {
    if (cutout === this.cutout) return;
    if (cutout.reduction !== this.cutout?.reduction) this.shrunk = new WeakMap();
    this.cutout = cutout;
    this.isStale = true;
    this.start();
  }

  clear(): void {
    this.forget();
    this.picture = null;
    this.canvas.width = 0;
  }

  setDisplay(display: Display): void {
    if (display === this.display) return;
    this.display = display;
    this.isStale ||= isPlain(display);
    this.start();
  }

  /** Go on with what is left to draw, for some milliseconds; of a clip that is played, all. */
  step(): void {
    const { picture } = this;
    // A closed picture has no size: it was a frame of a clip that is no longer played.
    if (!picture || picture.width === 0) return;
    if (this.isStale) this.drawStale(picture);
    this.isStale = false;
    const until = this.playing || this.inOneGo ? Number.POSITIVE_INFINITY : performance.now() + SLICE_MS;
    while (this.job && performance.now() < until) if (this.job.next().done) this.job = null;
    if (this.job) this.soon();
  }

  dispose(): void {
    this.worker?.terminate();
    this.job = null;
    this.forget();
  }

  private get inOneGo(): boolean {
    const { picture, cutout } = this;
    if (!picture || !cutout) return false;
    const toRead = this.grey ? 0 : picture.width * picture.height;
    const { width, height } = reducedBox(cutout.box, cutout.reduction);
    return toRead + width * height <= MOST_IN_ONE_GO;
  }

  private forget(): void {
    this.pending = false;
    this.grey = this.equalized = null;
    this.job = null;
    this.asked++; // an answer on its way is for a picture that is gone
  }

  private start(): void {
    this.job = isPlain(this.display) ? null : this.draw();
    if (this.job || this.isStale) this.soon();
  }

  /** As it is stored; a large picture first so whatever the display: never one frame's picture under another's mask. */
  private drawStale(picture: Picture): void {
    const { canvas, context, cutout } = this;
    if (!cutout) return;
    const { box, reduction } = cutout;
    const { width, height } = reducedBox(box, reduction);
    // Setting a size, even the same, clears the canvas and costs an allocation.
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    if (!isPlain(this.display) && this.inOneGo) return;
    // Made smaller, speckle would flicker; pixel by pixel, the better filter only costs.
    context.imageSmoothingQuality = reduction > 1 ? "high" : "low";
    const [source, times] = reduction > 1 && picture.half ? [picture.half, 2] : [picture as ImageBitmap, 1];
    context.drawImage(
      source,
      box.x / times,
      box.y / times,
      box.width / times,
      box.height / times,
      0,
      0,
      box.width / reduction,
      box.height / reduction,
    );
  }

  private *draw(): Generator<void, void> {
    const { picture, display, context, cutout } = this;
    if (!picture || !cutout) return;
    const read = yield* this.read(picture);
    if (display.localContrast > 0 && !this.equalized) this.equalize(read, picture.width, picture.height);
    const { reduction } = cutout;
    const box = reducedBox(cutout.box, reduction);
    const grey = this.asShown(read, picture, reduction);
    const equalized = this.equalized && this.asShown(this.equalized, picture, reduction);
    const stride = Math.ceil(picture.width / reduction);
    const table = lookUp(display);
    const rows = Math.min(box.height, Math.max(1, Math.floor(BAND / box.width)));
    if (this.band?.width !== box.width || this.band.height < rows) this.band = new ImageData(box.width, rows);
    const pixels = new Uint32Array(this.band.data.buffer);
    for (let y = 0; y < box.height; y += rows) {
      const count = Math.min(rows, box.height - y);
      for (let row = 0; row < count; row++) {
        const from = (box.y + y + row) * stride + box.x;
        const out = pixels.subarray(row * box.width, (row + 1) * box.width);
        paint(grey, equalized, display.localContrast, table, from, out);
      }
      context.putImageData(this.band, 0, y, 0, 0, box.width, count);
      yield;
    }
  }

  private asShown(grey: Uint8Array, { width, height }: Picture, reduction: number): Uint8Array {
    if (reduction === 1) return grey;
    const known = this.shrunk.get(grey) ?? shrink(grey, width, height, reduction);
    this.shrunk.set(grey, known);
    return known;
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

/** One row of pixels, from a place in the greys on. */
function paint(
  grey: Uint8Array,
  equalized: Uint8Array | null,
  share: number,
  table: Uint32Array,
  from: number,
  out: Uint32Array,
): void {
  if (!equalized || share === 0) {
    for (let i = 0; i < out.length; i++) out[i] = table[grey[from + i]];
    return;
  }
  const part = Math.round(share * 256);
  for (let i = 0; i < out.length; i++) {
    const value = grey[from + i];
    out[i] = table[value + (((equalized[from + i] - value) * part) >> 8)];
  }
}
