import { type Box, growBox, unionBox } from "./box";
import { drawShape } from "./cursorShapes";
import type { Editor } from "./editor";
import type { Picture } from "./editorState";
import type { Labelmap } from "./labelmap";
import { paintOverlay } from "./overlay";
import { type ColorTables, parseColor } from "./palette";
import type { View } from "./transform";

/**
 * Draws an editor into an element: three stacked 2D canvases.
 *
 * Picture and overlay are as large as the image and placed by a CSS transform, so that zoom and pan
 * redraw nothing; the cursor canvas is as large as the element. Of the overlay only what changed is
 * drawn, once per screen refresh: its cost is that of the stroke, not of the picture.
 */
export class Renderer {
  private readonly picture: HTMLCanvasElement;
  private readonly overlay: HTMLCanvasElement;
  private readonly cursor: HTMLCanvasElement;
  private readonly pictureContext: CanvasRenderingContext2D;
  private readonly overlayContext: CanvasRenderingContext2D;
  private readonly cursorContext: CanvasRenderingContext2D;
  private colors: ColorTables;
  private shown: { picture: Picture; map: Labelmap | null } | null = null;
  /** A clip is played: what the editor has changed is drawn when it ends. */
  private playing = false;
  /** What is to be drawn at the next refresh. */
  private dirty: Box | null = null;
  private previewDirty = false;
  private request: number | null = null;
  /** Pixels on their way to the overlay; grows to the largest box and is used again. */
  private scratch: ImageData | null = null;
  /** What is on the cursor canvas, in CSS pixels. */
  private traced: Box[] = [];
  private readonly stops: (() => void)[] = [];

  /** `host` should be positioned and have a size of its own; it is filled. */
  constructor(
    private readonly host: HTMLElement,
    private readonly editor: Editor,
  ) {
    [this.picture, this.pictureContext] = this.addCanvas(false);
    [this.overlay, this.overlayContext] = this.addCanvas(true);
    [this.cursor, this.cursorContext] = this.addCanvas(true);
    for (const canvas of [this.picture, this.overlay]) {
      canvas.style.transformOrigin = "0 0";
      canvas.style.willChange = "transform";
    }
    host.style.overflow = "hidden";
    this.colors = editor.colors;

    this.stops.push(
      editor.on("frame", () => this.showFrame()),
      editor.on("pixels", (box) => this.invalidate(box)),
      editor.on("style", (colors) => {
        this.colors = colors;
        this.invalidateAll();
      }),
      editor.on("view", (view) => this.place(view)),
      editor.on("preview", () => {
        this.previewDirty = true;
        this.soon();
      }),
      editor.on("state", () => this.applyDisplay()),
    );
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(host);
    this.stops.push(() => observer.disconnect());
    this.resize();
    this.showFrame();
    this.applyDisplay();
  }

  /** Show a frame of the clip being played in place of the frame on the table. */
  playFrame(picture: Picture, map: Labelmap | null): void {
    this.playing = true;
    this.show(picture, map);
    this.flush(); // the player is called at the refresh itself: a later one would be a frame late
  }

  /** Back to the frame on the table. */
  endPlay(): void {
    if (!this.playing) return;
    this.playing = false;
    this.showFrame();
  }

  dispose(): void {
    if (this.request !== null) cancelAnimationFrame(this.request);
    for (const stop of this.stops) stop();
    for (const canvas of [this.picture, this.overlay, this.cursor]) canvas.remove();
  }

  private addCanvas(alpha: boolean): [HTMLCanvasElement, CanvasRenderingContext2D] {
    const canvas = this.host.ownerDocument.createElement("canvas");
    canvas.style.cssText = "position:absolute;left:0;top:0;pointer-events:none";
    canvas.setAttribute("aria-hidden", "true");
    const context = canvas.getContext("2d", { alpha });
    if (!context) throw new Error("this browser gives no 2D canvas: the editor cannot draw");
    this.host.append(canvas);
    return [canvas, context];
  }

  private showFrame(): void {
    if (this.playing) return;
    const frame = this.editor.openFrame;
    if (frame) this.show(frame.picture, frame.document.labelmap);
    else {
      this.shown = null;
      this.picture.width = this.overlay.width = 0;
    }
  }

  private show(picture: Picture, map: Labelmap | null): void {
    const { width, height } = picture;
    for (const canvas of [this.picture, this.overlay]) {
      // Setting a size, even the same, clears the canvas and costs an allocation.
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
    }
    this.shown = { picture, map };
    this.pictureContext.drawImage(picture as ImageBitmap, 0, 0);
    if (map) this.invalidateAll();
    else this.overlayContext.clearRect(0, 0, width, height);
  }

  private invalidate(box: Box): void {
    const map = this.shown?.map;
    if (this.playing || !map) return;
    // The outline of a neighbour may come or go.
    this.dirty = unionBox(this.dirty, growBox(box, 1, map.width, map.height));
    this.soon();
  }

  private invalidateAll(): void {
    if (!this.shown?.map) return;
    this.dirty = this.shown.map.box;
    this.soon();
  }

  private soon(): void {
    this.request ??= requestAnimationFrame(() => {
      this.request = null;
      this.flush();
    });
  }

  private flush(): void {
    const map = this.shown?.map;
    if (this.dirty && map) this.drawOverlay(map, this.dirty);
    this.dirty = null;
    if (this.previewDirty) this.drawPreview();
    this.previewDirty = false;
  }

  private drawOverlay(map: Labelmap, box: Box): void {
    if (!this.scratch || this.scratch.width < box.width || this.scratch.height < box.height)
      this.scratch = new ImageData(
        Math.max(box.width, this.scratch?.width ?? 0),
        Math.max(box.height, this.scratch?.height ?? 0),
      );
    const { scratch } = this;
    paintOverlay(map, box, this.colors, new Uint32Array(scratch.data.buffer), scratch.width);
    this.overlayContext.putImageData(scratch, box.x, box.y, 0, 0, box.width, box.height);
  }

  private place({ scale, x, y }: View): void {
    const transform = `translate(${x}px, ${y}px) scale(${scale})`;
    // Sharp pixels when enlarged; when made smaller, leaving pixels out would make speckle flicker.
    const rendering = scale >= 1 ? "pixelated" : "auto";
    for (const canvas of [this.picture, this.overlay]) {
      canvas.style.transform = transform;
      canvas.style.imageRendering = rendering;
    }
  }

  private applyDisplay(): void {
    const { brightness, contrast, masksHidden } = this.editor.getState();
    const plain = brightness === 1 && contrast === 1;
    const filter = plain ? "" : `brightness(${brightness}) contrast(${contrast})`;
    if (this.picture.style.filter !== filter) this.picture.style.filter = filter;
    this.overlay.style.visibility = masksHidden ? "hidden" : "visible";
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    const density = devicePixelRatio || 1;
    this.cursor.width = Math.round(width * density);
    this.cursor.height = Math.round(height * density);
    this.cursor.style.width = `${width}px`;
    this.cursor.style.height = `${height}px`;
    this.traced = []; // a new size clears the canvas
    this.cursorContext.setTransform(density, 0, 0, density, 0, 0);
    this.editor.setViewport({ width, height });
  }

  private drawPreview(): void {
    const context = this.cursorContext;
    for (const { x, y, width, height } of this.traced) context.clearRect(x, y, width, height);
    this.traced = [];
    if (this.playing) return;
    for (const shape of this.editor.preview()) {
      const label = "label" in shape ? shape.label : null;
      const drawn = drawShape(
        context,
        this.editor.view,
        shape,
        label === null ? "#ffffff" : this.colorOf(label),
      );
      if (drawn) this.traced.push(drawn);
    }
  }

  private colorOf(label: number): string {
    const style = this.editor.getState().labels.find((known) => known.index === label);
    return style ? `rgb(${parseColor(style.color).join(" ")})` : "#ffffff";
  }
}
