import { ActivityClock } from "./activity";
import { afterPaint } from "./afterPaint";
import { Autosave } from "./autosave";
import { MaskDocument } from "./document";
import { Editor } from "./editor";
import type { Picture } from "./editorState";
import { Emitter } from "./emitter";
import { FrameCache } from "./frameCache";
import type { PendingWork, WorkJournal } from "./journal";
import type { Labelmap } from "./labelmap";
import { type Merge, merge } from "./merge";
import type { LabelStyle } from "./palette";
import { PngWorker } from "./pngWorker";
import type { SavePort, SaveState } from "./saving";

/** One frame of the clip, in clip order. */
export interface FrameRef {
  readonly id: string;
  /** Picked for annotation; the others are context. */
  readonly selected: boolean;
}

/** What the server has of a frame. */
export interface LoadedFrame {
  readonly picture: Picture;
  /** The saved mask, else the draft, else blank: what the work starts from. */
  readonly map: Labelmap;
  /** Of the saved mask, as in the ETag header: "r0" with its quotes where there is none. */
  readonly etag: string;
  /** Of the saved revision, 0 where there is none. */
  readonly number: number;
  /** "blank", "draft" or "hand": told with the first save. */
  readonly origin: string;
  /** Of the clip; null or absent where it is not calibrated. */
  readonly millimetresPerPixel?: number | null;
}

/** The way to the frames. Rejects when a frame cannot be had; must heed `signal`. */
export interface FramePort {
  load(frameId: string, signal: AbortSignal): Promise<LoadedFrame>;
}

export interface SessionOptions {
  readonly labels: readonly LabelStyle[];
  readonly frames: FramePort;
  readonly saves: SavePort;
  readonly journal: WorkJournal;
  readonly readOnly?: boolean;
  /** Memory for decoded frames, in bytes. */
  readonly cacheBytes?: number;
}

export interface SessionEvents {
  /** Work of an earlier visit was found on this device: offer it with `takeRecovered` / `dropRecovered`. */
  recovered: RecoveredWork | null;
  /** Somebody saved the frame too; what both changed did not overlap, and is together now. */
  merged: { readonly frameId: string; readonly author: string; readonly pixels: number };
  /** Somebody saved the frame too, and a person must choose (or it could not be found out): see `conflict`. */
  choice: string;
  /** What was loaded of this frame is old: it was saved by another way, or its work was dropped. */
  outdated: string;
  /** A frame is being opened and is not here yet. */
  opening: string;
  opened: string;
  /** It could not be opened; the frame before stays on the table. */
  failed: { readonly frameId: string; readonly error: Error };
}

export interface RecoveredWork {
  readonly frameId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The server has a newer mask than the one this work grew from. */
  readonly isOutdated: boolean;
}

/** Two sides of one frame. */
export interface Conflict {
  readonly mine: Labelmap;
  readonly theirs: Labelmap;
  /** The revision of `theirs`. */
  readonly etag: string;
  readonly number: number;
  readonly merge: Merge;
}

/** How often it is looked whether a stroke under way has ended. Milliseconds. */
const LOOK_AGAIN = 100;

interface Visit {
  readonly picture: Picture;
  readonly document: MaskDocument;
  readonly millimetresPerPixel: number | null;
  readonly bytes: number;
  close(): void;
}

/**
 * One clip on the table: opens frames into the editor, loads neighbours ahead, saves every step, finds
 * work again that an earlier visit lost.
 */
export class EditorSession {
  readonly editor: Editor;
  readonly autosave: Autosave;
  private readonly emitter = new Emitter<SessionEvents>();
  private readonly cache: FrameCache<Visit>;
  private readonly clock = new ActivityClock();
  private readonly png = new PngWorker();
  private order: readonly FrameRef[] = [];
  private wanted: string | null = null;
  private found: PendingWork | null = null;
  private clicks = 0;
  private readonly merging = new Set<string>();
  private readonly choices = new Set<string>();

  constructor(private readonly options: SessionOptions) {
    this.editor = new Editor({ labels: options.labels, readOnly: options.readOnly });
    this.autosave = new Autosave({
      port: options.saves,
      journal: options.journal,
      encode: (work) => this.png.encode(work),
      takeActiveSeconds: () => this.clock.take(),
      takeClicks: () => {
        const { clicks } = this;
        this.clicks = 0;
        return clicks;
      },
    });
    this.autosave.on("state", ({ frameId, state }) => {
      if (state.kind === "conflict") void this.mergeByItself(frameId, state.author);
      else this.choices.delete(frameId);
    });
    this.cache = new FrameCache({
      load: (frameId, signal) => this.load(frameId, signal),
      maxBytes: options.cacheBytes,
    });
    this.editor.on("edited", ({ frameId, document }) =>
      this.autosave.edited(frameId, document.labelmap, () => document.runs()),
    );
    this.editor.on("preview", () => this.clock.touch());
  }

  on<Name extends keyof SessionEvents>(
    name: Name,
    listener: (event: SessionEvents[Name]) => void,
  ): () => void {
    return this.emitter.on(name, listener);
  }

  /** A press of the pointer on the picture, or a key: the person is here. */
  touched(by: "pointer" | "key"): void {
    if (by === "pointer") this.clicks++;
    this.clock.touch();
  }

  /** The clip's frames in order of time; may be given again when the selection changes. */
  setFrames(order: readonly FrameRef[]): void {
    this.order = order;
    if (this.wanted) void this.cache.around(this.wanted, this.neighbours(this.wanted));
  }

  get frameId(): string | null {
    return this.editor.openFrame?.id ?? null;
  }

  /** The frame asked for last: it may be on its way, or failed to come. */
  get wantedFrame(): string | null {
    return this.wanted;
  }

  /**
   * Put a frame on the table. The one before is saved in the background. When another is asked for
   * before this one is here, only the last is opened. Resolves true when it is open.
   */
  async open(frameId: string): Promise<boolean> {
    this.wanted = frameId;
    this.editor.leave();
    this.showRecovered(null);
    const isHere = this.cache.has(frameId);
    if (!isHere) this.emitter.emit("opening", frameId);
    const loading = this.cache.get(frameId);
    // Asked for now, waited for once the frame is shown: it is a read from disk. Asking alone costs milliseconds, so
    // where the frame is here, it is shown first.
    const pending = (isHere ? new Promise<void>((done) => afterPaint(done)()) : Promise.resolve()).then(() =>
      this.options.journal.pending(frameId),
    );
    pending.catch(() => undefined); // told below
    let visit: Visit;
    try {
      visit = await loading;
    } catch (error) {
      if (this.wanted === frameId) this.emitter.emit("failed", { frameId, error: error as Error });
      return false;
    }
    if (this.wanted !== frameId) return false;
    this.clock.pause();
    this.clock.take();
    this.clicks = 0;
    const { picture, document, millimetresPerPixel } = visit;
    this.editor.open({ id: frameId, picture, document, millimetresPerPixel });
    this.emitter.emit("opened", frameId);
    try {
      await this.offer(frameId, await pending);
    } catch (error) {
      this.emitter.emit("failed", { frameId, error: error as Error });
    }
    void this.cache.around(frameId, this.neighbours(frameId));
    return true;
  }

  /** The frame at a place of the clip, 0 the first; null where there is none. */
  at(place: number): string | null {
    return this.order[place]?.id ?? null;
  }

  /**
   * Make a label what it is on another frame of the clip, as one undo step. "none": there is no such frame, or
   * another was opened meanwhile. Rejects where it cannot be loaded.
   */
  async copyLabel(label: number, from: string | null): Promise<"copied" | "same" | "none"> {
    const { frameId } = this;
    if (frameId === null || from === null) return "none";
    const { document } = await this.cache.get(from);
    if (this.frameId !== frameId) return "none";
    return this.editor.copyLabel(document.labelmap, label) ? "copied" : "same";
  }

  /** The frame some steps away in the clip, or among the selected ones; null at the ends. */
  neighbour(steps: number, onlySelected = false): string | null {
    const from = this.order.findIndex((frame) => frame.id === this.wanted);
    if (from < 0) return null;
    const direction = Math.sign(steps);
    let left = Math.abs(steps);
    for (let i = from + direction; i >= 0 && i < this.order.length; i += direction) {
      if (onlySelected && !this.order[i].selected) continue;
      if (--left === 0) return this.order[i].id;
    }
    return null;
  }

  /** Go to a neighbour; false at the ends of the clip. */
  async step(steps: number, onlySelected = false): Promise<boolean> {
    const next = this.neighbour(steps, onlySelected);
    return next !== null && this.open(next);
  }

  /**
   * Put the found work on the table, as one undo step; it is saved like any other step. What was saved since it was
   * kept is merged with it as in any conflict.
   */
  async takeRecovered(): Promise<void> {
    const { found } = this;
    if (!found || found.frameId !== this.frameId) return;
    const { frameId, number } = found;
    // Strokes made before the person decided go first: they grew from another revision.
    if (this.autosave.unsavedMap(frameId)) await this.autosave.saveNow(frameId);
    if (found.frameId !== this.frameId) return;
    const now = { ...this.autosave.base(frameId), etag: this.autosave.etag(frameId) ?? found.etag };
    this.autosave.continues(frameId, found.effort, number === null ? now : { ...found, number });
    this.editor.applyMap(found.map);
    await this.autosave.saveNow(frameId);
    // Only now: until the step above is kept, this is the only copy.
    await this.options.journal.remove(found.frameId, found.writer);
    this.showRecovered(null);
  }

  async dropRecovered(): Promise<void> {
    const { found } = this;
    if (!found) return;
    await this.options.journal.remove(found.frameId, found.writer);
    this.showRecovered(null);
  }

  /** The frame's conflict waits for a person. */
  needsChoice(frameId: string): boolean {
    return this.choices.has(frameId);
  }

  /** Both sides of a frame in conflict and what they have in common. Rejects when the server cannot be asked now. */
  async conflict(frameId: string): Promise<Conflict> {
    const { number, origin } = this.autosave.base(frameId);
    const { saves } = this.options;
    const [parent, newest] = await Promise.all([saves.base(frameId, number, origin), saves.newest(frameId)]);
    if (!newest)
      throw new Error("The newest version of this frame cannot be loaded now. Try again in a moment.");
    await this.atRest(frameId);
    const open = this.editor.openFrame;
    const mine = open?.id === frameId ? open.document.labelmap.clone() : this.autosave.unsavedMap(frameId);
    if (!mine) throw new Error("Nothing of this frame is unsaved any more.");
    const { etag, map: theirs } = newest;
    return { mine, theirs, etag, number: newest.number, merge: merge(parent, mine, theirs) };
  }

  /** Put a map that ends the conflict on top of the newest revision: one undo step where the frame is open. */
  async settle(frameId: string, { etag, number }: Conflict, map: Labelmap): Promise<SaveState> {
    if (this.frameId === frameId) {
      this.editor.applyMap(map);
      return this.autosave.keepMine(frameId, { etag, number });
    }
    this.cache.drop(frameId); // its picture of the mask is the one before
    return this.autosave.keepMine(frameId, { etag, number }, map);
  }

  /** Load the open frame anew, after the person chose the server's mask over their own. */
  async reload(): Promise<boolean> {
    const { frameId } = this;
    if (!frameId) return false;
    this.editor.cancel();
    this.emitter.emit("outdated", frameId);
    await this.autosave.discard(frameId);
    this.editor.close();
    this.cache.drop(frameId);
    return this.open(frameId);
  }

  /**
   * A frame was saved by another way than this session: what was loaded of it is old. Work on it that is not saved
   * stays, and meets the other when it is.
   */
  async forget(frameId: string): Promise<void> {
    this.emitter.emit("outdated", frameId);
    if (this.autosave.unsavedMap(frameId)) return;
    if (frameId !== this.frameId) this.cache.drop(frameId);
    else if (!this.editor.isBusy) await this.reload();
  }

  /**
   * Leave: what is not saved yet is sent in the background; what cannot be stays on this device. Without `send`
   * nothing more is sent: the server would take it for the work of whoever is signed in now.
   */
  dispose({ send = true }: { send?: boolean } = {}): void {
    this.wanted = null;
    this.editor.close();
    this.cache.clear();
    const stop = () => {
      this.autosave.dispose();
      this.png.dispose();
    };
    if (send) void this.autosave.flush().finally(stop);
    else stop();
  }

  /** Join both sides where they do not overlap; else leave the choice to the person. */
  private async mergeByItself(frameId: string, author: string): Promise<void> {
    if (this.merging.has(frameId)) return;
    this.merging.add(frameId);
    try {
      for (let state = this.autosave.state(frameId); state.kind === "conflict"; ) {
        const conflict = await this.conflict(frameId);
        if (conflict.merge.overlaps.length > 0) return this.askPerson(frameId);
        state = await this.settle(frameId, conflict, conflict.merge.map);
        if (state.kind !== "conflict")
          this.emitter.emit("merged", { frameId, author, pixels: conflict.merge.onlyTheirs });
      }
    } catch {
      this.askPerson(frameId); // the dialog asks the server again, and says what is wrong
    } finally {
      this.merging.delete(frameId);
    }
  }

  private askPerson(frameId: string): void {
    this.choices.add(frameId);
    this.emitter.emit("choice", frameId);
  }

  /** A stroke under way on the frame has ended, and the frame is not on its way to the table. */
  private async atRest(frameId: string): Promise<void> {
    const isBusy = () => {
      if (this.frameId === frameId) return this.editor.openFrame?.document.isPainting;
      return this.wanted === frameId;
    };
    while (isBusy()) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }

  private async load(frameId: string, signal: AbortSignal): Promise<Visit> {
    let since = this.autosave.etag(frameId);
    let loaded = await this.options.frames.load(frameId, signal);
    while (!this.autosave.opened(frameId, loaded.etag, loaded.number, loaded.origin, since)) {
      loaded.picture.close();
      since = this.autosave.etag(frameId);
      loaded = await this.options.frames.load(frameId, signal);
    }
    // Steps of this visit that are still on their way to the server are newer than what it sent.
    const document = new MaskDocument(this.autosave.unsavedMap(frameId) ?? loaded.map);
    const { picture } = loaded;
    const bytes = (picture.half ? 5 : 4) * document.labelmap.data.length + document.bytes;
    const millimetresPerPixel = loaded.millimetresPerPixel ?? null;
    return { picture, document, millimetresPerPixel, bytes, close: () => picture.close() };
  }

  private neighbours(frameId: string): string[] {
    if (frameId !== this.wanted) return [];
    const near = [
      this.neighbour(1, true),
      this.neighbour(1),
      this.neighbour(-1),
      this.neighbour(-1, true),
    ].filter((id): id is string => id !== null);
    return [...new Set(near)];
  }

  private async offer(frameId: string, pending: readonly PendingWork[]): Promise<void> {
    const open = this.editor.openFrame;
    if (open?.id !== frameId) return;
    for (const work of pending) {
      if (work.map.width !== this.editor.width || work.map.height !== this.editor.height) continue;
      if (work.map.equals(open.document.labelmap)) {
        // It did arrive: the page only died before it heard so.
        await this.options.journal.remove(work.frameId, work.writer);
        continue;
      }
      this.showRecovered(work);
      return;
    }
  }

  private showRecovered(found: PendingWork | null): void {
    if (!found && !this.found) return;
    this.found = found;
    this.emitter.emit(
      "recovered",
      found && {
        frameId: found.frameId,
        at: found.at,
        isOutdated: found.etag !== this.autosave.etag(found.frameId),
      },
    );
  }
}
