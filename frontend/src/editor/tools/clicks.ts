import { type AssistState, type Hint, NOT_ASSISTED, permitted } from "../assist";
import { BACKGROUND, type Labelmap } from "../labelmap";
import type { PaintMask } from "../raster";
import type { ImagePoint } from "../transform";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** CSS pixels the pointer must travel before a press is a drag. */
const DRAG = 6;
/** Milliseconds of silence before the model is asked: two clicks in a row are one question. */
const PAUSE = 90;
/** Points of a scribble closer than this, in image pixels, say nothing new. */
const SPACING = 1;
/** The most the server takes in one scribble. */
const MOST_POINTS = 2000;

interface Gesture {
  readonly kind: "press" | "box" | "scribble";
  readonly positive: boolean;
  readonly shift: boolean;
  readonly points: readonly ImagePoint[];
}

/**
 * Click to fix: point at the structure in hand, where it is and where it is not, and the model proposes its mask.
 * A press is a click, a drag a box, with Shift a scribble; with Alt, and a click of the right button, it says "not here".
 * A finger has no such keys: the option `pointing` stands for them.
 * Enter takes the proposal as one undo step. Hints stay until then, and until Escape: nothing is painted before.
 */
export class ClickTool implements Tool {
  private hints: Hint[] = [];
  private gesture: Gesture | null = null;
  private label = BACKGROUND;
  /** The map as it was before the first hint. */
  private prior: Labelmap | null = null;
  private proposal: { readonly map: Labelmap; readonly pixels: number } | null = null;
  /** Of the proposal: the number of the question it answers. */
  private answered = 0;
  private question = 0;
  private under: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.hints.length > 0 || this.gesture !== null;
  }

  onPointerDown(at: ImagePoint, { shift, alt, mod }: Modifiers): void {
    if (this.hints.length === 0) {
      const why = this.refusal();
      if (why !== null) {
        this.host.setAssistState({ ...NOT_ASSISTED, message: why });
        return;
      }
    }
    if (!this.isInside(at)) return;
    const { pointing } = this.host.options;
    const positive = pointing !== "not" && !(alt || mod);
    this.gesture = { kind: "press", positive, shift: shift || pointing === "line", points: [at] };
    this.host.previewChanged();
  }

  onPointerMove(at: ImagePoint): void {
    const { gesture } = this;
    if (!gesture) return;
    const place = this.inside(at);
    const from = gesture.points[0];
    if (gesture.kind === "press") {
      if (Math.hypot(at.x - from.x, at.y - from.y) * this.host.scale < DRAG) return;
      // There is no "not in this box": a negative drag is a line of "not here".
      const kind = gesture.shift || !gesture.positive ? "scribble" : "box";
      this.gesture = { ...gesture, kind, points: [from, place] };
    } else if (gesture.kind === "box") this.gesture = { ...gesture, points: [from, place] };
    else {
      const last = gesture.points[gesture.points.length - 1];
      const isNew = Math.hypot(place.x - last.x, place.y - last.y) >= SPACING;
      if (isNew && gesture.points.length < MOST_POINTS)
        this.gesture = { ...gesture, points: [...gesture.points, place] };
    }
    this.host.previewChanged();
  }

  onPointerUp(at: ImagePoint): void {
    this.onPointerMove(at);
    const { gesture } = this;
    this.gesture = null;
    if (!gesture) return;
    const { points, positive } = gesture;
    const [from, to] = [points[0], points[points.length - 1]];
    if (gesture.kind === "press") this.add({ kind: "click", at: from, positive });
    else if (gesture.kind === "scribble") this.add({ kind: "scribble", points, positive });
    else if (Math.abs(from.x - to.x) >= 1 && Math.abs(from.y - to.y) >= 1)
      this.add({ kind: "box", from, to });
    this.host.previewChanged();
  }

  onPointerLost(): void {
    this.gesture = null;
    this.host.previewChanged();
  }

  /** Take the proposal. While the newest answer is not here there is none to take. */
  onFinish(): void {
    const { proposal, label } = this;
    if (!proposal || this.answered !== this.question) {
      if (this.hints.length > 0 && this.host.assistState.phase === "asking")
        this.tell({ message: "The answer is not here yet: Enter takes it when it is shown." });
      return;
    }
    const { add, erase } = this.rules(label);
    this.forget();
    const edit = this.host.begin();
    // The rules once more, and over the map as it is: whatever happened meanwhile, no other label changes.
    const { map, pixels } = permitted(edit.map, proposal.map, edit.map.box, label, { add, erase });
    edit.map.write(map.box, map.data);
    if (pixels > 0) {
      this.host.assistAccepted();
      edit.painted(map.box);
    }
    edit.finish();
  }

  onStepBack(): void {
    if (this.gesture) this.gesture = null;
    else this.hints.pop();
    if (this.hints.length === 0) this.forget();
    else this.askSoon();
    this.host.previewChanged();
  }

  onCancel(): void {
    this.forget();
  }

  onMapChanged(): void {
    if (this.isBusy) this.forget();
  }

  /** Another label, lock or rule: the same hints, asked anew. */
  onRulesChanged(): void {
    if (this.hints.length === 0) {
      if (this.host.assistState.message !== "") this.host.setAssistState(NOT_ASSISTED);
      return;
    }
    const why = this.refusal();
    if (why === null) {
      this.label = this.host.label;
      this.askSoon();
    } else {
      this.question++; // what is on its way was asked under other rules
      this.fail(why, false);
    }
  }

  /** Ask once more, after nobody answered. */
  retry(): void {
    if (this.hints.length > 0) this.askSoon(0);
  }

  preview(): readonly Preview[] {
    const isPending = this.answered !== this.question;
    const shapes: Preview[] = this.hints.flatMap((hint, i) => {
      const last = isPending && i === this.hints.length - 1;
      if (hint.kind === "click")
        return [{ kind: "pin", at: hint.at, positive: hint.positive, pending: last }];
      if (hint.kind === "box") return [this.rectangle(hint.from, hint.to)];
      return this.scribble(hint.points, hint.positive, last);
    });
    const { gesture } = this;
    if (gesture?.kind === "box") shapes.push(this.rectangle(gesture.points[0], gesture.points[1]));
    if (gesture?.kind === "scribble") shapes.push(...this.scribble(gesture.points, gesture.positive, true));
    return shapes;
  }

  private add(hint: Hint): void {
    if (this.hints.length === 0) {
      this.label = this.host.label;
      this.prior = this.host.map.clone();
    }
    this.hints.push(hint);
    this.askSoon();
  }

  private askSoon(pause = PAUSE): void {
    this.question++;
    this.tell({ phase: "asking", message: "", mayRetry: false });
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      // One question at a time: the model works them off in a row, and the answers before the newest are for nobody.
      if (!this.under) void this.ask();
    }, pause);
  }

  private async ask(): Promise<void> {
    const { host, prior, label, question } = this;
    const port = host.assist;
    if (!port || !prior) return;
    const under = new AbortController();
    this.under = under;
    const { add, erase } = this.rules(label);
    const over = host.labels.filter((index) => index !== label && add[index] !== 0);
    const request = { frameId: host.frameId, label, hints: [...this.hints], prior, over };
    try {
      const answer = await port.ask(request, under.signal);
      if (this.under !== under) return;
      this.under = null;
      if (this.question !== question) {
        if (this.timer === null) void this.ask();
        return;
      }
      if (answer.kind === "proposed") {
        this.answered = question;
        this.proposal = permitted(prior, answer.map, answer.box, label, { add, erase });
        host.showProposal(this.proposal.map);
        const { pixels } = this.proposal;
        const message = pixels === 0 ? "It would change nothing here." : "";
        this.tell({ phase: "proposed", score: answer.score, pixels, message });
      } else this.fail(answer.message, answer.kind === "busy");
    } catch (error) {
      // Taken back while it was asked, or a fault of ours: then the person is told and can go on by hand.
      if (this.under !== under) return;
      this.under = null;
      this.fail(error instanceof Error ? error.message : String(error), true);
    }
    host.previewChanged();
  }

  private fail(message: string, mayRetry: boolean): void {
    // A proposal that answers fewer hints must not be taken for the answer.
    this.proposal = null;
    this.host.showProposal(null);
    this.tell({ phase: "failed", score: null, pixels: 0, message, mayRetry });
  }

  private forget(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.under?.abort();
    this.under = null;
    const hadAny = this.hints.length > 0;
    this.hints = [];
    this.gesture = null;
    this.prior = null;
    this.proposal = null;
    this.question++;
    if (hadAny) this.host.showProposal(null);
    this.host.setAssistState(NOT_ASSISTED);
    this.host.previewChanged();
  }

  private tell(change: Partial<AssistState>): void {
    this.host.setAssistState({ ...this.host.assistState, ...change, hints: this.hints.length });
  }

  /** Why the label in hand cannot be asked for; null where it can. */
  private refusal(): string | null {
    const { label } = this.host;
    if (!this.host.assist) return ""; // the screen says why
    if (label === BACKGROUND) return "Take a label first: background has no structure.";
    if (this.rules(label).add.every((may) => may === 0)) return "This label is locked or hidden.";
    return null;
  }

  private rules(label: number): { add: PaintMask; erase: PaintMask } {
    const add = this.host.mayReplace(label);
    const locked = add.every((may) => may === 0);
    return { add, erase: locked ? add : this.host.mayReplace(BACKGROUND) };
  }

  private rectangle(from: ImagePoint, to: ImagePoint): Preview {
    const points = [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }, from];
    return { kind: "line", points, label: this.hints.length > 0 ? this.label : this.host.label };
  }

  private scribble(points: readonly ImagePoint[], positive: boolean, pending: boolean): Preview[] {
    const line: Preview = { kind: "line", points, label: positive ? this.host.label : null };
    return [line, { kind: "pin", at: points[0], positive, pending }];
  }

  private isInside({ x, y }: ImagePoint): boolean {
    return x >= 0 && y >= 0 && x < this.host.width && y < this.host.height;
  }

  /** The nearest place inside the picture. */
  private inside({ x, y }: ImagePoint): ImagePoint {
    const most = (side: number) => side - 0.01;
    return {
      x: Math.min(most(this.host.width), Math.max(0, x)),
      y: Math.min(most(this.host.height), Math.max(0, y)),
    };
  }
}
