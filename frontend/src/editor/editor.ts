import type { Box } from "./box";
import { changed, type Display, PLAIN } from "./display";
import type { OpenEdit } from "./edit";
import type { EditorEvents, EditorState, OpenFrame, PaintOver } from "./editorState";
import { Emitter } from "./emitter";
import { BACKGROUND, type Labelmap } from "./labelmap";
import { type ColorTables, colorTables, type LabelStyle } from "./palette";
import type { PaintMask } from "./raster";
import {
  createTool,
  type Modifiers,
  NO_MODIFIERS,
  type Preview,
  type Tool,
  type ToolHost,
  type ToolName,
} from "./tools";
import {
  fitView,
  type ImagePoint,
  keepInSight,
  type ScreenPoint,
  type Size,
  toImage,
  type View,
  zoomAbout,
} from "./transform";

export const MIN_BRUSH = 1;
export const MAX_BRUSH = 200;

/**
 * The editor without a screen: one open frame, the tool in hand, how masks are shown, and the steps
 * that can be undone. Knows no DOM and no network; a renderer and inputs are attached from outside.
 */
export class Editor implements ToolHost {
  private readonly emitter = new Emitter<EditorEvents>();
  private frame: OpenFrame | null = null;
  private active: Tool;
  /** Pans while `Space` is held, whatever the tool. */
  private held: Tool | null = null;
  private hover: ImagePoint | null = null;
  private currentView: View = { scale: 1, x: 0, y: 0 };
  private viewport: Size = { width: 1, height: 1 };
  /** Follow the viewport until the person zooms or pans. */
  private fitted = true;
  private previousLabel: number;
  private snapshot: EditorState;

  constructor(options: { labels: readonly LabelStyle[]; readOnly?: boolean }) {
    const first = options.labels[0]?.index ?? BACKGROUND;
    this.previousLabel = first;
    this.snapshot = {
      frameId: null,
      tool: "brush",
      label: first,
      brushSize: 16,
      paintOver: "all",
      opacity: 0.35,
      outlinesOnly: false,
      hidden: new Set(),
      locked: new Set(),
      masksHidden: false,
      strengths: new Map(),
      highlighted: null,
      display: PLAIN,
      canUndo: false,
      canRedo: false,
      readOnly: options.readOnly ?? false,
      labels: options.labels,
    };
    this.active = createTool("brush", this);
  }

  on<Name extends keyof EditorEvents>(name: Name, listener: (event: EditorEvents[Name]) => void): () => void {
    return this.emitter.on(name, listener);
  }

  /** For React's useSyncExternalStore, with `getState`. */
  readonly subscribe = (listener: () => void): (() => void) => this.emitter.on("state", listener);
  readonly getState = (): EditorState => this.snapshot;

  // ── the frame ─────────────────────────────────────────────────────────────────────────────────

  get openFrame(): OpenFrame | null {
    return this.frame;
  }

  /** Put a frame on the table. What was being drawn is forgotten; the zoom stays for frames of one size. */
  open(frame: OpenFrame): void {
    const { width, height } = frame.document.labelmap;
    if (frame.picture.width !== width || frame.picture.height !== height)
      throw new RangeError(
        `the label map is ${width}×${height}, the picture ${frame.picture.width}×${frame.picture.height}`,
      );
    this.cancel();
    const before = this.frame?.document.labelmap;
    this.frame = frame;
    this.emitter.emit("frame", frame);
    if (!before || before.width !== width || before.height !== height) this.fitToScreen();
    this.update({ frameId: frame.id, ...this.undoState() });
  }

  close(): void {
    this.cancel();
    this.frame = null;
    this.emitter.emit("frame", null);
    this.update({ frameId: null, ...this.undoState() });
  }

  get width(): number {
    return this.frame?.document.labelmap.width ?? 0;
  }

  get height(): number {
    return this.frame?.document.labelmap.height ?? 0;
  }

  /** Put a map from the server in the open frame's place: no undo step, nothing to save. */
  replaceMap(map: Labelmap): void {
    const { document } = this.mustHaveFrame();
    this.cancel();
    document.replace(map);
    this.emitter.emit("pixels", map.box);
    this.update(this.undoState());
  }

  /** Put a map a person made (work found on this device, a draft accepted) in place, as one undo step. */
  applyMap(map: Labelmap): void {
    const { document } = this.mustHaveFrame();
    this.cancel();
    if (map.width !== this.width || map.height !== this.height)
      throw new RangeError(`got a map of ${map.width}×${map.height}, expected ${this.width}×${this.height}`);
    const edit = this.begin();
    document.labelmap.write(map.box, map.data);
    edit.painted(map.box);
    edit.finish();
  }

  // ── what the person sets ──────────────────────────────────────────────────────────────────────

  setTool(tool: ToolName): void {
    if (tool === this.snapshot.tool) return;
    this.active.onCancel();
    this.active = createTool(tool, this);
    this.update({ tool });
    this.previewChanged();
  }

  setLabel(label: number): void {
    if (label !== BACKGROUND && !this.snapshot.labels.some((known) => known.index === label))
      throw new RangeError(`label ${label} is not one of this project's`);
    if (label !== BACKGROUND) this.previousLabel = label;
    this.update({ label });
    this.previewChanged();
  }

  /** Between the label in hand and background, and back. */
  swapLabel(): void {
    this.setLabel(this.snapshot.label === BACKGROUND ? this.previousLabel : BACKGROUND);
  }

  setLabels(labels: readonly LabelStyle[]): void {
    this.update({ labels });
    if (!labels.some((label) => label.index === this.previousLabel))
      this.previousLabel = labels[0]?.index ?? BACKGROUND;
    if (!labels.some((label) => label.index === this.snapshot.label)) this.setLabel(this.previousLabel);
    this.styleChanged();
  }

  setBrushSize(size: number): void {
    this.update({ brushSize: Math.min(MAX_BRUSH, Math.max(MIN_BRUSH, Math.round(size))) });
    this.previewChanged();
  }

  /** One step of `[` or `]`: about a seventh, at least one pixel. */
  growBrush(steps: 1 | -1): void {
    const { brushSize } = this.snapshot;
    this.setBrushSize(brushSize + steps * Math.max(1, Math.round(brushSize * 0.15)));
  }

  setPaintOver(paintOver: PaintOver): void {
    this.update({ paintOver });
  }

  setLocked(label: number, locked: boolean): void {
    this.update({ locked: withMember(this.snapshot.locked, label, locked) });
  }

  setHidden(label: number, hidden: boolean): void {
    this.update({ hidden: withMember(this.snapshot.hidden, label, hidden) });
    this.styleChanged();
  }

  /** Of fills, 0-1. */
  setOpacity(opacity: number): void {
    this.update({ opacity: Math.min(1, Math.max(0, opacity)) });
    this.styleChanged();
  }

  setOutlinesOnly(outlinesOnly: boolean): void {
    this.update({ outlinesOnly });
    this.styleChanged();
  }

  setMasksHidden(masksHidden: boolean): void {
    this.update({ masksHidden });
  }

  /** Of one label, 0-1, on top of the opacity of all. */
  setStrength(label: number, strength: number): void {
    const strengths = new Map(this.snapshot.strengths);
    strengths.set(label, Math.min(1, Math.max(0, strength)));
    this.update({ strengths });
    this.styleChanged();
  }

  /** Let one label stand out while its name is pointed at; null when it no longer is. */
  setHighlighted(highlighted: number | null): void {
    if (highlighted === this.snapshot.highlighted) return;
    this.update({ highlighted });
    this.styleChanged();
  }

  /** How the picture is shown: `PLAIN` is as stored. The pixels never change. */
  setDisplay(change: Partial<Display>): void {
    this.update({ display: changed(this.snapshot.display, change) });
  }

  setReadOnly(readOnly: boolean): void {
    if (readOnly) this.active.onCancel();
    this.update({ readOnly });
  }

  // ── steps ─────────────────────────────────────────────────────────────────────────────────────

  /** Backspace: take back the last press of a step in the making. False when there was none. */
  stepBack(): boolean {
    if (!this.active.isBusy || !this.active.onStepBack) return false;
    this.active.onStepBack();
    return true;
  }

  /** Take the last step back; in the middle of one, its last press, or else the whole of it. */
  undo(): void {
    if (this.stepBack()) return;
    if (this.active.isBusy) {
      this.active.onCancel();
      return;
    }
    if (this.snapshot.readOnly) return;
    this.stepped(this.frame?.document.undo() ?? null);
  }

  redo(): void {
    if (this.active.isBusy || this.snapshot.readOnly) return;
    this.stepped(this.frame?.document.redo() ?? null);
  }

  /** Escape: leave no trace of the step in the making. */
  cancel(): void {
    this.held?.onCancel();
    this.active.onCancel();
  }

  /** Enter: finish a step of several presses. False when there was none, so that Enter may mean more. */
  finish(): boolean {
    if (!this.active.isBusy || !this.active.onFinish) return false;
    this.active.onFinish();
    return true;
  }

  // ── the pointer, in CSS pixels of the viewport ────────────────────────────────────────────────

  pointerDown(at: ScreenPoint, modifiers: Modifiers = NO_MODIFIERS): void {
    if (!this.frame) return;
    this.hover = toImage(this.currentView, at);
    const tool = this.toolInHand();
    if (tool) tool.onPointerDown(this.hover, modifiers);
    this.previewChanged();
  }

  /** All places since the last event, oldest first: give every coalesced one, or strokes get corners. */
  pointerMove(places: readonly ScreenPoint[], modifiers: Modifiers = NO_MODIFIERS): void {
    if (!this.frame) return;
    const tool = this.toolInHand();
    for (const place of places) {
      this.hover = toImage(this.currentView, place);
      tool?.onPointerMove(this.hover, modifiers);
    }
    this.previewChanged();
  }

  pointerUp(at: ScreenPoint, modifiers: Modifiers = NO_MODIFIERS): void {
    if (!this.frame) return;
    this.toolInHand()?.onPointerUp(toImage(this.currentView, at), modifiers);
  }

  /** The pointer was lost: as if it never went down. A polygon's earlier corners stay. */
  pointerLost(): void {
    const tool = this.toolInHand();
    if (tool && !tool.onFinish) tool.onCancel();
  }

  pointerLeft(): void {
    this.hover = null;
    this.previewChanged();
  }

  /** While held, the pointer pans whatever the tool. */
  holdPan(hold: boolean): void {
    if (hold === (this.held !== null)) return;
    // A stroke under way goes on: Space pressed by accident must not cost it.
    if (hold && this.active.isBusy && !this.active.onFinish) return;
    this.held?.onCancel();
    this.held = hold ? createTool("pan", this) : null;
    this.previewChanged();
  }

  get isPanHeld(): boolean {
    return this.held !== null;
  }

  preview(): readonly Preview[] {
    if (!this.frame || this.snapshot.readOnly || this.held) return [];
    return this.active.preview(this.hover);
  }

  // ── the view ──────────────────────────────────────────────────────────────────────────────────

  get view(): View {
    return this.currentView;
  }

  get scale(): number {
    return this.currentView.scale;
  }

  setViewport(viewport: Size): void {
    this.viewport = viewport;
    if (this.fitted) this.fitToScreen();
    else this.setView(this.currentView);
  }

  zoomAbout(at: ScreenPoint, factor: number): void {
    this.fitted = false;
    this.setView(zoomAbout(this.currentView, at, factor));
  }

  zoomBy(factor: number): void {
    this.zoomAbout({ x: this.viewport.width / 2, y: this.viewport.height / 2 }, factor);
  }

  panBy(dx: number, dy: number): void {
    this.fitted = false;
    const { scale, x, y } = this.currentView;
    this.setView({ scale, x: x + dx, y: y + dy });
  }

  fitToScreen(): void {
    this.fitted = true;
    if (this.frame) this.setView(fitView(this, this.viewport));
  }

  // ── for tools and renderers ───────────────────────────────────────────────────────────────────

  get label(): number {
    return this.snapshot.label;
  }

  get brushSize(): number {
    return this.snapshot.brushSize;
  }

  get colors(): ColorTables {
    return colorTables(this.snapshot.labels, this.snapshot);
  }

  mayReplace(label: number): PaintMask {
    // The rule is for painting; erasing over background only would do nothing at all.
    const onlyBackground = this.snapshot.paintOver === "background" && label !== BACKGROUND;
    const may = new Uint8Array(256).fill(onlyBackground ? 0 : 1);
    may[BACKGROUND] = 1;
    for (const locked of this.snapshot.locked) may[locked] = 0;
    // A locked label may neither lose pixels nor win any.
    if (this.snapshot.locked.has(label)) may.fill(0);
    return may;
  }

  begin(): OpenEdit {
    const { id, document } = this.mustHaveFrame();
    return document.begin(
      (box) => this.emitter.emit("pixels", box),
      () => {
        this.update(this.undoState());
        this.emitter.emit("edited", { frameId: id, map: document.labelmap });
      },
    );
  }

  previewChanged(): void {
    this.emitter.emit("preview", undefined);
  }

  private toolInHand(): Tool | null {
    if (this.held) return this.held;
    return this.snapshot.readOnly && this.snapshot.tool !== "pan" ? null : this.active;
  }

  private setView(view: View): void {
    this.currentView = this.frame ? keepInSight(view, this, this.viewport) : view;
    this.emitter.emit("view", this.currentView);
    this.previewChanged();
  }

  private stepped(box: Box | null): void {
    if (!box || !this.frame) return;
    this.emitter.emit("pixels", box);
    this.update(this.undoState());
    this.emitter.emit("edited", { frameId: this.frame.id, map: this.frame.document.labelmap });
  }

  private styleChanged(): void {
    this.emitter.emit("style", this.colors);
  }

  private undoState(): Pick<EditorState, "canUndo" | "canRedo"> {
    const history = this.frame?.document.history;
    return { canUndo: history?.canUndo ?? false, canRedo: history?.canRedo ?? false };
  }

  private update(change: Partial<EditorState>): void {
    this.snapshot = { ...this.snapshot, ...change };
    this.emitter.emit("state", this.snapshot);
  }

  private mustHaveFrame(): OpenFrame {
    if (!this.frame) throw new Error("no frame is open");
    return this.frame;
  }
}

function withMember(set: ReadonlySet<number>, member: number, isIn: boolean): ReadonlySet<number> {
  const copy = new Set(set);
  if (isIn) copy.add(member);
  else copy.delete(member);
  return copy;
}
