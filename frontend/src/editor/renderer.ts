import { type Box, growBox, unionBox } from "./box";
import { CursorLayer } from "./cursorLayer";
import { type Cutout, cutoutFor, heldOf, ReducedMaps, reducedBox } from "./cutout";
import type { Editor } from "./editor";
import type { Picture } from "./editorState";
import type { Labelmap } from "./labelmap";
import {
  type HeatMap,
  hasFills,
  isEmpty,
  type Layers,
  NO_LAYERS,
  type Onion,
  paintHeat,
  paintLayerLines,
  paintLayers,
  withMaps,
} from "./layers";
import { paintLines } from "./lines";
import { paintOverlay } from "./overlay";
import { type ColorTables, parseColor } from "./palette";
import { PictureLayer } from "./pictureLayer";
import type { Preview } from "./tools";
import type { Size, View } from "./transform";

/** From this many screen pixels an image pixel on, outlines are drawn at the screen's resolution. */
const FINE_SCALE = 3;
/** From this many on the picture shows its pixels; below, squares of uneven size would look like structure. */
const SHARP_SCALE = 2;
/** Pixels of the picture whose mask is drawn within one refresh when all of it is to be drawn: some ten milliseconds. */
const BAND = 2_500_000;

/** A canvas of the stack. */
interface Sheet {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
}

/**
 * Draws an editor into an element: stacked 2D canvases.
 *
 *     picture → heat → layers (difference, proposal, neighbours, ghost) → overlay (the mask) → lines → cursor
 *
 * All but the last two are as large as the image and placed by a CSS transform, so that zoom and pan
 * redraw nothing; of a large image they hold what is in sight (see cutout.ts). Lines are as large as the element, the cursor as what the tool shows. Of the overlay only what changed is
 * drawn, once per screen refresh: its cost is that of the stroke, not of the picture. Zoomed in, outlines
 * are drawn on `lines` at the screen's resolution, for the few pixels that are then in sight.
 */
export class Renderer {
  private readonly picture: Sheet;
  private readonly heat: Sheet;
  private readonly extras: Sheet;
  private readonly overlay: Sheet;
  private readonly lines: Sheet;
  private readonly cursor: Sheet;
  private readonly pictureLayer: PictureLayer;
  private readonly cursorLayer: CursorLayer;
  private colors: ColorTables;
  private layers: Layers = NO_LAYERS;
  /** Set from outside; what the model proposes while somebody clicks comes before it. */
  private offered: Labelmap | null = null;
  private clicked: Labelmap | null = null;
  private heatMap: HeatMap | null = null;
  private shown: { picture: Picture; map: Labelmap | null } | null = null;
  private cutout: Cutout | null = null;
  private reduced = new ReducedMaps(1);
  /** Drawn where the mask is, while somebody looks at another version of it. */
  private instead: Labelmap | null = null;
  /** A clip is played: what the editor has changed is drawn when it ends. */
  private playing = false;
  /** What is to be drawn at the next refresh, first; and the rest of all of it, in bands. Pixels of the image. */
  private dirty: Box | null = null;
  private backlog: Box | null = null;
  private linesDirty = false;
  private previewDirty = false;
  private request: number | null = null;
  /** Outlines are drawn at the screen's resolution. */
  private fine = false;
  private density = 1;
  private viewport: Size = { width: 0, height: 0 };
  /** Pixels on their way to a canvas; grows to the largest box and is used again. */
  private scratch: ImageData | null = null;
  private readonly stops: (() => void)[] = [];

  /** `host` should be positioned and have a size of its own; it is filled. */
  constructor(
    private readonly host: HTMLElement,
    private readonly editor: Editor,
  ) {
    this.picture = this.addSheet(false);
    this.heat = this.addSheet(true);
    this.extras = this.addSheet(true);
    this.overlay = this.addSheet(true);
    this.lines = this.addSheet(true);
    this.cursor = this.addSheet(true);
    for (const { canvas } of [this.picture, this.heat, this.extras, this.overlay]) {
      canvas.style.transformOrigin = "0 0";
      canvas.style.willChange = "transform";
    }
    this.overlay.canvas.dataset.layer = "masks"; // browser tests read its pixels
    this.pictureLayer = new PictureLayer(this.picture.canvas, this.picture.context, () => this.soon());
    this.cursorLayer = new CursorLayer(this.cursor.canvas, this.cursor.context);
    host.style.overflow = "hidden";
    this.colors = editor.colors;

    this.stops.push(
      editor.on("frame", () => this.showFrame()),
      editor.on("pixels", (box) => this.invalidate(box)),
      editor.on("style", (colors) => {
        this.colors = colors;
        this.invalidateAll();
      }),
      editor.on("view", (view) => this.look(view)),
      editor.on("preview", () => {
        this.previewDirty = true;
        this.soon();
      }),
      editor.on("proposal", (map) => this.showClicked(map)),
      editor.on("state", () => this.applyDisplay()),
    );
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(host);
    this.stops.push(() => observer.disconnect(), this.watchDensity());
    this.resize();
    this.applyDisplay();
    this.showFrame();
  }

  // ── what may lie over the frame; all of it goes when another frame is opened ──────────────────

  /** Outlines of the neighbours' masks; they must have the picture's size. */
  setOnion(onion: Onion | null): void {
    this.setLayers({ onion });
  }

  /** A mask as a dashed outline: the draft the work grew from. */
  setGhost(ghost: Labelmap | null): void {
    this.setLayers({ ghost });
  }

  /** Where `to` differs from `from`: lost, won, and other label (colours: `DIFFERENCE`). */
  setDifference(from: Labelmap | null, to: Labelmap | null = null): void {
    this.setLayers({ difference: from && to && { from, to } });
  }

  /** A mask offered in place of the present one: pixels that would change are striped. */
  setProposal(proposal: Labelmap | null): void {
    this.offered = proposal;
    this.setLayers({ proposal: this.clicked ?? proposal });
  }

  private showClicked(proposal: Labelmap | null): void {
    this.clicked = proposal;
    this.setLayers({ proposal: proposal ?? this.offered });
  }

  /** Another version of the mask in its place, to flip between the two; null: the mask itself. */
  setInstead(map: Labelmap | null): void {
    if (map === this.instead) return;
    if (map) this.mustFit(map);
    this.instead = map;
    this.invalidateAll();
  }

  /** Values over the picture, under the masks; of the picture's size or coarser. */
  setHeat(map: HeatMap | null): void {
    if (map && map.data.length !== map.width * map.height)
      throw new RangeError(`${map.data.length} values do not fill a heat map of ${map.width}×${map.height}`);
    this.heatMap = map;
    const { canvas, context } = this.heat;
    if (map) {
      canvas.width = map.width;
      canvas.height = map.height;
      const pixels = new ImageData(map.width, map.height);
      paintHeat(map, new Uint32Array(pixels.data.buffer));
      context.putImageData(pixels, 0, 0);
      this.place(this.editor.view);
    } else canvas.width = 0;
    this.applyVisibility();
  }

  /** Take all of them off. */
  clearLayers(): void {
    this.offered = this.clicked = null;
    if (this.heatMap) this.setHeat(null);
    if (!isEmpty(this.layers)) this.setLayers(NO_LAYERS);
    this.setInstead(null);
  }

  // ── playing ───────────────────────────────────────────────────────────────────────────────────

  /** Show a frame of the clip being played in place of the frame on the table. */
  playFrame(picture: Picture, map: Labelmap | null): void {
    const isStart = !this.playing;
    this.playing = true;
    if (isStart) this.applyVisibility();
    this.show(picture, map);
    this.flush(); // the player is called at the refresh itself: a later one would be a frame late
  }

  /** Back to the frame on the table. */
  endPlay(): void {
    if (!this.playing) return;
    this.playing = false;
    const frame = this.editor.openFrame;
    if (frame) this.show(frame.picture, frame.document.labelmap);
    this.applyVisibility();
  }

  dispose(): void {
    if (this.request !== null) cancelAnimationFrame(this.request);
    for (const stop of this.stops) stop();
    this.pictureLayer.dispose();
    for (const { canvas } of this.sheets) {
      canvas.width = 0; // at once, instead of when the garbage collector comes by
      canvas.remove();
    }
  }

  private get sheets(): Sheet[] {
    return [this.picture, this.heat, this.extras, this.overlay, this.lines, this.cursor];
  }

  private addSheet(alpha: boolean): Sheet {
    const canvas = this.host.ownerDocument.createElement("canvas");
    canvas.style.cssText = "position:absolute;left:0;top:0;pointer-events:none";
    canvas.setAttribute("aria-hidden", "true");
    const context = canvas.getContext("2d", { alpha });
    if (!context) throw new Error("this browser gives no 2D canvas: the editor cannot draw");
    this.host.append(canvas);
    return { canvas, context };
  }

  private setLayers(change: Partial<Layers>): void {
    const layers = { ...this.layers, ...change };
    const { onion, ghost, difference, proposal } = layers;
    for (const map of [onion?.previous, onion?.next, ghost, difference?.from, difference?.to, proposal])
      if (map) this.mustFit(map);
    this.layers = layers;
    this.applyVisibility();
    this.invalidateAll();
  }

  private mustFit(map: Labelmap): void {
    const { picture } = this.shown ?? {};
    if (picture && (map.width !== picture.width || map.height !== picture.height))
      throw new RangeError(
        `a layer of ${map.width}×${map.height} was given for a picture of ${picture.width}×${picture.height}`,
      );
  }

  /** What is drawn as the mask. */
  private get mask(): Labelmap | null {
    const map = this.shown?.map ?? null;
    return map && !this.playing && this.instead ? this.instead : map;
  }

  private showFrame(): void {
    this.clearLayers();
    if (this.playing) return;
    const frame = this.editor.openFrame;
    if (frame) this.show(frame.picture, frame.document.labelmap);
    else {
      this.shown = this.cutout = this.dirty = this.backlog = null;
      this.pictureLayer.clear();
      for (const { canvas } of [this.overlay, this.extras]) canvas.width = 0;
      this.linesDirty = true;
      this.soon();
    }
  }

  private show(picture: Picture, map: Labelmap | null): void {
    this.shown = { picture, map };
    this.cut();
    if (this.cutout) this.pictureLayer.show(picture, this.cutout, this.playing);
    if (map) this.invalidateAll();
    else {
      this.dirty = this.backlog = null;
      const { canvas, context } = this.overlay;
      context.clearRect(0, 0, canvas.width, canvas.height);
      this.linesDirty = this.fine;
    }
  }

  /** Hold what is in sight. */
  private cut(): void {
    if (!this.shown) return;
    const { view } = this.editor;
    const cutout = cutoutFor(this.shown.picture, view, this.viewport, this.density, this.cutout);
    if (cutout === this.cutout) return;
    this.cutout = cutout;
    if (cutout.reduction !== this.reduced.reduction) this.reduced = new ReducedMaps(cutout.reduction);
    const size = reducedBox(cutout.box, cutout.reduction);
    resizeTo(this.overlay.canvas, size);
    if (this.extras.canvas.width > 0) resizeTo(this.extras.canvas, size);
    this.pictureLayer.setCutout(cutout);
    this.place(view);
    this.invalidateAll();
  }

  private invalidate(box: Box): void {
    const map = this.shown?.map;
    if (this.playing || !map) return;
    // The outline of a neighbour may come or go.
    this.dirty = unionBox(this.dirty, growBox(box, this.reduced.reduction, map.width, map.height));
    this.soon();
  }

  private invalidateAll(): void {
    if (!this.shown?.map || !this.cutout) return;
    this.backlog = this.cutout.box;
    this.linesDirty = true;
    this.soon();
  }

  private soon(): void {
    this.request ??= requestAnimationFrame(() => {
      this.request = null;
      this.flush();
    });
  }

  private flush(): void {
    const map = this.mask;
    if (map && this.dirty) {
      this.drawMasks(map, this.dirty);
      if (this.fine && !this.linesDirty) this.drawLines(map, this.onScreen(this.dirty));
    }
    this.dirty = null;
    if (map && this.backlog) {
      const { x, y, width, height } = this.backlog;
      const rows = this.playing ? height : Math.min(height, this.reduced.reduction * Math.ceil(BAND / width));
      this.drawMasks(map, { x, y, width, height: rows });
      this.backlog = rows < height ? { x, y: y + rows, width, height: height - rows } : null;
      if (this.backlog) this.soon();
    }
    this.pictureLayer.step();
    if (this.linesDirty) this.drawAllLines();
    this.linesDirty = false;
    if (this.previewDirty) this.drawPreview();
    this.previewDirty = false;
  }

  private drawMasks(map: Labelmap, changed: Box): void {
    const box = this.cutout && heldOf(this.cutout, changed);
    if (!box) return;
    const [pixels, words] = this.scratchFor(box);
    const { fill, outline } = this.colors;
    // A change is seen best when what stays does not cover it.
    const fills = !this.playing && hasFills(this.layers) ? NOTHING : fill;
    const colors = this.fine ? { fill: fills, outline: fills } : { fill: fills, outline };
    const seen = this.reduced.of(map, box);
    paintOverlay(seen, box, colors, words, pixels.width);
    this.put(this.overlay, pixels, box);
    if (this.extras.canvas.width === 0) return;
    const layers = withMaps(this.layers, (each) => this.reduced.of(each, box));
    paintLayers(layers, seen, box, this.colors, !this.fine, words, pixels.width);
    this.put(this.extras, pixels, box);
  }

  /** Put pixels where a box of the reduced image lies on a canvas. */
  private put({ context }: Sheet, pixels: ImageData, box: Box): void {
    const held = this.cutout && reducedBox(this.cutout.box, this.cutout.reduction);
    if (held) context.putImageData(pixels, box.x - held.x, box.y - held.y, 0, 0, box.width, box.height);
  }

  private drawAllLines(): void {
    const { canvas, context } = this.lines;
    if (!this.fine) return;
    const map = this.mask;
    if (map) this.drawLines(map, { x: 0, y: 0, width: canvas.width, height: canvas.height });
    else context.clearRect(0, 0, canvas.width, canvas.height);
  }

  private drawLines(map: Labelmap, box: Box | null): void {
    if (!box) return;
    const { density } = this;
    const { scale, x, y } = this.editor.view;
    const view = { scale: scale * density, x: x * density, y: y * density };
    const [pixels, words] = this.scratchFor(box);
    for (let row = 0; row < box.height; row++)
      words.fill(0, row * pixels.width, row * pixels.width + box.width);
    const thin = Math.max(1, Math.round(density));
    if (!this.playing) paintLayerLines(this.layers, box, this.colors, view, thin, words, pixels.width);
    const width = Math.max(1, Math.round(1.5 * density));
    paintLines(map, box, this.colors.outline, { view, width }, words, pixels.width);
    this.lines.context.putImageData(pixels, box.x, box.y, 0, 0, box.width, box.height);
  }

  /** Where a box of the image lies on the lines canvas, in its pixels; null when out of sight. */
  private onScreen(box: Box): Box | null {
    const { scale, x, y } = this.editor.view;
    const { canvas } = this.lines;
    const place = (at: number, from: number) => (from + at * scale) * this.density;
    const left = Math.max(0, Math.floor(place(box.x, x)) - 1);
    const top = Math.max(0, Math.floor(place(box.y, y)) - 1);
    const right = Math.min(canvas.width, Math.ceil(place(box.x + box.width, x)) + 1);
    const bottom = Math.min(canvas.height, Math.ceil(place(box.y + box.height, y)) + 1);
    return right > left && bottom > top
      ? { x: left, y: top, width: right - left, height: bottom - top }
      : null;
  }

  private scratchFor({ width, height }: Box): [ImageData, Uint32Array] {
    if (!this.scratch || this.scratch.width < width || this.scratch.height < height)
      this.scratch = new ImageData(
        Math.max(width, this.scratch?.width ?? 0),
        Math.max(height, this.scratch?.height ?? 0),
      );
    return [this.scratch, new Uint32Array(this.scratch.data.buffer)];
  }

  private look(view: View): void {
    this.cut();
    this.place(view);
  }

  private place({ scale, x, y }: View): void {
    const { box, reduction } = this.cutout ?? NO_CUTOUT;
    const transform = `translate(${x + box.x * scale}px, ${y + box.y * scale}px) scale(${scale * reduction})`;
    const enlarged = scale * this.density;
    for (const { canvas } of [this.picture, this.overlay, this.extras]) {
      canvas.style.transform = transform;
      // When made smaller, leaving pixels out would make speckle flicker and outlines break.
      const isSharp = enlarged * reduction >= (canvas === this.picture.canvas ? SHARP_SCALE : 1);
      canvas.style.imageRendering = isSharp ? "pixelated" : "auto";
    }
    if (this.heatMap) {
      const times = this.editor.width / this.heatMap.width;
      this.heat.canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale * times})`;
    }
    const fine = enlarged >= FINE_SCALE;
    if (fine !== this.fine) {
      this.fine = fine;
      this.applyVisibility();
      this.invalidateAll();
    }
    this.linesDirty ||= fine;
    if (fine) this.soon();
  }

  private applyDisplay(): void {
    this.pictureLayer.setDisplay(this.editor.getState().display);
    this.applyVisibility();
  }

  private applyVisibility(): void {
    const { masksHidden } = this.editor.getState();
    const hasExtras = !isEmpty(this.layers) && !this.playing && (!this.fine || hasFills(this.layers));
    // Out of the page, not only unseen: what is not there need not be put together.
    show(this.overlay.canvas, !masksHidden);
    show(this.lines.canvas, this.fine && !masksHidden);
    show(this.heat.canvas, this.heatMap !== null && !this.playing && !masksHidden);
    show(this.extras.canvas, hasExtras && !masksHidden);
    if (hasExtras && resizeTo(this.extras.canvas, this.overlay.canvas)) this.invalidateAll();
    if (!hasExtras && this.extras.canvas.width > 0) this.extras.canvas.width = 0;
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    this.density = devicePixelRatio || 1;
    const { canvas } = this.lines;
    canvas.width = Math.round(width * this.density);
    canvas.height = Math.round(height * this.density);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    this.viewport = { width, height };
    this.cursorLayer.setViewport(this.viewport, this.density);
    this.editor.setViewport(this.viewport);
    this.look(this.editor.view);
  }

  /** The window came to another screen, or the page was zoomed: no resize tells of it. */
  private watchDensity(): () => void {
    const stop = new AbortController();
    const watch = () => {
      matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener(
        "change",
        () => {
          this.resize();
          watch();
        },
        { once: true, signal: stop.signal },
      );
    };
    watch();
    return () => stop.abort();
  }

  private drawPreview(): void {
    const shapes = this.playing ? [] : this.editor.preview();
    this.cursorLayer.draw(this.editor.view, shapes, (shape) => this.colorOf(shape));
  }

  private colorOf(shape: Preview): string {
    const label = "label" in shape ? shape.label : null;
    const style = this.editor.getState().labels.find((known) => known.index === label);
    return style ? `rgb(${parseColor(style.color).join(" ")})` : "#ffffff";
  }
}

const NOTHING = new Uint32Array(256);
const NO_CUTOUT = { box: { x: 0, y: 0 }, reduction: 1 };

function show(canvas: HTMLCanvasElement, isShown: boolean): void {
  const display = isShown ? "" : "none";
  if (canvas.style.display !== display) canvas.style.display = display;
}

/** Give the canvas a size. True when it had another, so that it is empty now. */
function resizeTo(canvas: HTMLCanvasElement, { width, height }: Size): boolean {
  // Setting a size, even the same, clears the canvas and costs an allocation.
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}
