import { type AssistPort, type AssistState, NOT_ASSISTED } from "./assist";
import type { Box } from "./box";
import { changed, type Display, PLAIN } from "./display";
import type { OpenEdit } from "./edit";
import type { EditorEvents, EditorState, OpenFrame, PaintOver } from "./editorState";
import { Emitter } from "./emitter";
import { type Greys, greyReader } from "./greys";
import { BACKGROUND, type Labelmap } from "./labelmap";
import { regionOf } from "./morphology";
import { type Operation, operate, setRegion } from "./operations";
import { paintMask } from "./paintRules";
import { type ColorTables, colorTables, type LabelStyle } from "./palette";
import type { PaintMask } from "./raster";
import { inSlices } from "./slices";
import { DEFAULT_OPTIONS, type ToolOptions } from "./toolOptions";
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
/** These change nothing: who may only look has them too. */
const LOOKS: ReadonlySet<ToolName> = new Set<ToolName>(["pan", "measure"]);
/** These paint with the label in hand. */
const PAINTS_LABEL = (tool: ToolName) => !LOOKS.has(tool) && tool !== "eraser" && tool !== "move";
const READS_GREYS: ReadonlySet<ToolName> = new Set<ToolName>(["grow", "scissors", "superpixel"]);
export const THRESHOLDS: ReadonlySet<ToolName> = new Set<ToolName>(["brush", "eraser", "line"]);

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
  private away = false;
  private hover: ImagePoint | null = null;
  /** The keys that were down when the pointer was there. */
  private modifiers = NO_MODIFIERS;
  private model: AssistPort | null = null;
  private currentView: View = { scale: 1, x: 0, y: 0 };
  private viewport: Size = { width: 1, height: 1 };
  private covered = 0;
  /** Of the frame opened last, also once it is closed: opened again it lies where it lay. */
  private lastSize: Size | null = null;
  /** Follow the viewport until the person zooms or pans. */
  private fitted = true;
  private previousLabel: number;
  /** The one label that painting was last kept to. */
  private lastOverLabel: number | null = null;
  /** The brush's size in millimetres, where it was last set on a calibrated clip. */
  private brushMillimetres: number | null = null;
  private stopReading: () => void = () => undefined;
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
      options: DEFAULT_OPTIONS,
      millimetresPerPixel: null,
      opacity: 0.35,
      outlinesOnly: false,
      hidden: new Set(),
      locked: new Set(),
      masksHidden: false,
      strengths: new Map(),
      highlighted: null,
      display: PLAIN,
      assist: NOT_ASSISTED,
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

  /** Put a frame on the table. A stroke under way on the one before is kept; the zoom stays for frames of one size. */
  open(frame: OpenFrame): void {
    const { width, height } = frame.document.labelmap;
    if (frame.picture.width !== width || frame.picture.height !== height)
      throw new RangeError(
        `the label map is ${width}×${height}, the picture ${frame.picture.width}×${frame.picture.height}`,
      );
    this.leave();
    const before = this.lastSize;
    this.frame = frame;
    this.lastSize = { width, height };
    this.emitter.emit("frame", frame);
    if (before?.width !== width || before.height !== height) this.fitToScreen();
    this.update({
      frameId: frame.id,
      millimetresPerPixel: frame.millimetresPerPixel ?? null,
      ...this.undoState(),
    });
    this.keepBrushMillimetres();
    this.readAhead();
  }

  close(): void {
    this.leave();
    this.frame = null;
    this.stopReading();
    this.emitter.emit("frame", null);
    this.update({ frameId: null, millimetresPerPixel: null, ...this.undoState() });
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
    this.leave();
    if (map.width !== this.width || map.height !== this.height)
      throw new RangeError(`got a map of ${map.width}×${map.height}, expected ${this.width}×${this.height}`);
    const edit = this.begin();
    document.labelmap.write(map.box, map.data);
    edit.painted(map.box);
    edit.finish();
  }

  /** Do an operation on a label, as one undo step. False when it changed nothing (nothing there, or locked). */
  operate(label: number, operation: Operation): boolean {
    return this.changeLabel((map) => operate(map, label, operation, (put) => this.mayReplace(put)));
  }

  /** Make a label what it is on another frame of the clip, as one undo step. False when that changes nothing. */
  copyLabel(from: Labelmap, label: number): boolean {
    if (from.width !== this.width || from.height !== this.height)
      throw new RangeError(
        `got a map of ${from.width}×${from.height}, expected ${this.width}×${this.height}`,
      );
    const region = regionOf(from, label);
    return this.changeLabel((map) => setRegion(map, label, region, (put) => this.mayReplace(put)));
  }

  private changeLabel(change: (map: Labelmap) => Box | null): boolean {
    if (this.snapshot.readOnly || !this.mayChange()) return false;
    this.leave();
    const edit = this.begin();
    edit.painted(change(edit.map));
    const isChanged = edit.finish();
    this.active.onMapChanged?.();
    return isChanged;
  }

  // ── what the person sets ──────────────────────────────────────────────────────────────────────

  setTool(tool: ToolName): void {
    if (tool === this.snapshot.tool) return;
    this.leave();
    this.active = createTool(tool, this);
    this.update({ tool });
    this.readAhead();
    this.previewChanged();
  }

  /** What tools go by; also told by a tool whose own hand changes it (a tolerance dragged). */
  setOptions(change: Partial<ToolOptions>): void {
    this.update({ options: { ...this.snapshot.options, ...change } });
    if (change.sizeUnit === "mm") this.rememberBrushMillimetres();
    this.readAhead();
    this.previewChanged();
  }

  setLabel(label: number): void {
    if (label !== BACKGROUND && !this.snapshot.labels.some((known) => known.index === label))
      throw new RangeError(`label ${label} is not one of this project's`);
    if (label !== BACKGROUND) this.previousLabel = label;
    // Who takes a label in hand wants to see it; hidden it could not be painted either.
    if (this.snapshot.hidden.has(label)) this.setHidden(label, false);
    this.update({ label });
    this.active.onRulesChanged?.();
    this.previewChanged();
  }

  /** Between the label in hand and background, and back. */
  swapLabel(): void {
    this.setLabel(this.snapshot.label === BACKGROUND ? this.previousLabel : BACKGROUND);
  }

  /** To the next or the previous label of the list, round and round. From background: to the first or the last. */
  walkLabels(step: 1 | -1): void {
    const { labels, label } = this.snapshot;
    const at = labels.findIndex(({ index }) => index === label);
    const to = labels.at(step > 0 ? (at + 1) % labels.length : Math.max(at, 0) - 1);
    if (to) this.setLabel(to.index);
  }

  setLabels(labels: readonly LabelStyle[]): void {
    this.update({ labels });
    if (!labels.some((label) => label.index === this.previousLabel))
      this.previousLabel = labels[0]?.index ?? BACKGROUND;
    if (!labels.some((label) => label.index === this.snapshot.label)) this.setLabel(this.previousLabel);
    const { paintOver } = this.snapshot;
    if (typeof paintOver === "number" && !labels.some((label) => label.index === paintOver))
      this.setPaintOver("all");
    this.styleChanged();
  }

  setBrushSize(size: number): void {
    this.update({ brushSize: Math.min(MAX_BRUSH, Math.max(MIN_BRUSH, Math.round(size))) });
    this.rememberBrushMillimetres();
    this.previewChanged();
  }

  private rememberBrushMillimetres(): void {
    const { brushSize, millimetresPerPixel } = this.snapshot;
    this.brushMillimetres = millimetresPerPixel === null ? null : brushSize * millimetresPerPixel;
  }

  /** On another clip the same millimetres are other pixels. What was set stays set: nothing drifts. */
  private keepBrushMillimetres(): void {
    const { options, millimetresPerPixel } = this.snapshot;
    if (options.sizeUnit !== "mm" || millimetresPerPixel === null) return;
    if (this.brushMillimetres === null) this.rememberBrushMillimetres();
    const size = Math.round((this.brushMillimetres ?? 0) / millimetresPerPixel);
    this.update({ brushSize: Math.min(MAX_BRUSH, Math.max(MIN_BRUSH, size)) });
  }

  /** One step of `[` or `]`: about a seventh, at least one pixel. */
  growBrush(steps: 1 | -1): void {
    const { brushSize } = this.snapshot;
    this.setBrushSize(brushSize + steps * Math.max(1, Math.round(brushSize * 0.15)));
  }

  setPaintOver(paintOver: PaintOver): void {
    if (typeof paintOver === "number") this.lastOverLabel = paintOver;
    this.update({ paintOver });
    this.active.onRulesChanged?.();
  }

  /** Over all, only background, and the one label where that was ever chosen, round and round. */
  nextPaintOver(): void {
    const { paintOver, labels } = this.snapshot;
    const single = labels.filter(({ index }) => index === this.lastOverLabel).map(({ index }) => index);
    const rules: readonly PaintOver[] = ["all", "background", ...single];
    this.setPaintOver(rules[(rules.indexOf(paintOver) + 1) % rules.length]);
  }

  setLocked(label: number, locked: boolean): void {
    this.update({ locked: withMember(this.snapshot.locked, label, locked) });
    this.active.onRulesChanged?.();
  }

  setHidden(label: number, hidden: boolean): void {
    this.update({ hidden: withMember(this.snapshot.hidden, label, hidden) });
    this.active.onRulesChanged?.();
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

  /** Another picture is shown in the frame's place (a clip plays): nothing may change what nobody sees. */
  setAway(away: boolean): void {
    if (away) this.leave();
    this.away = away;
    this.previewChanged();
  }

  /** Whether the frame on the table is the one shown. Asked before it is changed: when it is not, `away` is told. */
  mayChange(): boolean {
    if (this.away) this.emitter.emit("away", undefined);
    return !this.away;
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

  /** Take the last step back; in the middle of one, its last press, or else the whole of it. False: there was none. */
  undo(): boolean {
    if (!this.mayChange() || this.stepBack()) return true;
    if (this.active.isBusy) {
      this.active.onCancel();
      return true;
    }
    if (this.snapshot.readOnly) return false;
    const box = this.frame?.document.undo() ?? null;
    this.stepped(box);
    this.active.onMapChanged?.();
    return box !== null;
  }

  redo(): void {
    if (this.active.isBusy || this.snapshot.readOnly || !this.mayChange()) return;
    this.stepped(this.frame?.document.redo() ?? null);
    this.active.onMapChanged?.();
  }

  /** Escape: leave no trace of the step in the making. */
  cancel(): void {
    this.held?.onCancel();
    this.active.onCancel();
  }

  /**
   * The frame or the tool goes: a stroke under way ends where the pointer is, as if it came up there. A shape in the
   * making is dropped, and told of.
   */
  leave(): void {
    const { active } = this;
    if (active.isBusy && !active.onFinish && !active.needsEnd && this.hover)
      active.onPointerUp(this.hover, this.modifiers);
    if (active.isBusy) this.emitter.emit("dropped", this.snapshot.tool);
    this.cancel();
  }

  /** A step is in the making. */
  get isBusy(): boolean {
    return this.active.isBusy;
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
    this.modifiers = modifiers;
    const tool = this.held || this.mayChange() ? this.toolInHand() : null;
    const { label, locked } = this.snapshot;
    if (tool === this.active && locked.has(label) && PAINTS_LABEL(this.snapshot.tool))
      this.emitter.emit("locked", label);
    tool?.onPointerDown(this.hover, modifiers);
    this.previewChanged();
  }

  /** All places since the last event, oldest first: give every coalesced one, or strokes get corners. */
  pointerMove(places: readonly ScreenPoint[], modifiers: Modifiers = NO_MODIFIERS): void {
    if (!this.frame) return;
    this.modifiers = modifiers;
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
    if (tool?.onPointerLost) tool.onPointerLost();
    else if (tool && !tool.onFinish) tool.onCancel();
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

  /** A click of the right button is the tool's ("not here"); dragged it sets window and level with any tool. */
  get takesRightButton(): boolean {
    return this.snapshot.tool === "clicks" && !this.snapshot.readOnly && !this.held;
  }

  get isPanHeld(): boolean {
    return this.held !== null;
  }

  preview(): readonly Preview[] {
    if (!this.frame || this.held || !this.toolInHand()) return [];
    return this.active.preview(this.hover);
  }

  // ── the model in hand ─────────────────────────────────────────────────────────────────────────

  get assist(): AssistPort | null {
    return this.model;
  }

  /** The model that takes clicks; null where there is none. */
  setAssist(model: AssistPort | null): void {
    this.model = model;
  }

  get assistState(): AssistState {
    return this.snapshot.assist;
  }

  setAssistState(assist: AssistState): void {
    if (assist !== this.snapshot.assist) this.update({ assist });
  }

  /** Ask the model once more, after nobody answered. */
  retryAssist(): void {
    this.active.retry?.();
  }

  showProposal(map: Labelmap | null): void {
    this.emitter.emit("proposal", map);
  }

  assistAccepted(): void {
    this.model?.accepted(this.mustHaveFrame().id);
  }

  get frameId(): string {
    return this.mustHaveFrame().id;
  }

  get labels(): readonly number[] {
    return this.snapshot.labels.map(({ index }) => index);
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
    const { width, height } = this.viewport;
    if (this.frame) this.setView(fitView(this, { width, height: height - this.covered }));
  }

  /** So much of the viewport's bottom, in CSS pixels, lies under something. The picture stays; the next fit spares it. */
  setCovered(height: number): void {
    this.covered = height;
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
    return paintMask(label, this.snapshot);
  }

  get options(): ToolOptions {
    return this.snapshot.options;
  }

  get millimetresPerPixel(): number | null {
    return this.snapshot.millimetresPerPixel;
  }

  get map(): Labelmap {
    return this.mustHaveFrame().document.labelmap;
  }

  greys(): Greys {
    return greyReader(this.mustHaveFrame().picture).finish();
  }

  /** Read the picture's greys before the tool in hand is pressed, a little at a time. */
  private readAhead(): void {
    this.stopReading();
    const { tool, options } = this.snapshot;
    const wants = READS_GREYS.has(tool) || (options.threshold !== "off" && THRESHOLDS.has(tool));
    if (!wants || !this.frame) return;
    const reader = greyReader(this.frame.picture);
    this.stopReading = inSlices(() => reader.step());
  }

  begin(): OpenEdit {
    const { id, document } = this.mustHaveFrame();
    return document.begin(
      (box) => this.emitter.emit("pixels", box),
      () => {
        this.update(this.undoState());
        this.emitter.emit("edited", { frameId: id, document });
      },
    );
  }

  previewChanged(): void {
    this.emitter.emit("preview", undefined);
  }

  private toolInHand(): Tool | null {
    if (this.held) return this.held;
    if (this.away) return null;
    return this.snapshot.readOnly && !LOOKS.has(this.snapshot.tool) ? null : this.active;
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
    this.emitter.emit("edited", { frameId: this.frame.id, document: this.frame.document });
  }

  private styleChanged(): void {
    this.emitter.emit("style", this.colors);
  }

  private undoState(): Pick<EditorState, "canUndo" | "canRedo"> {
    const history = this.frame?.document.history;
    return { canUndo: history?.canUndo ?? false, canRedo: history?.canRedo ?? false };
  }

  private update(change: Partial<EditorState>): void {
    const names = Object.keys(change) as (keyof EditorState)[];
    // Most strokes change nothing that a panel shows: then no panel hears of them.
    if (names.every((name) => Object.is(change[name], this.snapshot[name]))) return;
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
