import { afterPaint } from "./afterPaint";
import { Emitter } from "./emitter";
import type { Labelmap } from "./labelmap";
import { fromRuns, type MapRuns, toRuns } from "./runs";
import type { Effort, SaveAnswer, SavePort, SaveState, WorkKeeper } from "./saving";

export interface AutosaveOptions {
  readonly port: SavePort;
  readonly journal: WorkKeeper;
  /** Given the runs, never a map: at 4096×3072 making that here would hold up a stroke. */
  readonly encode: (work: MapRuns) => Promise<Uint8Array<ArrayBuffer>>;
  /** Active seconds since asked last. */
  readonly takeActiveSeconds?: () => number;
  /** Presses of the pointer since asked last. */
  readonly takeClicks?: () => number;
  /** Milliseconds after a step before it is sent; each further step starts the wait again … */
  readonly delay?: number;
  /** … but no step waits longer than this. */
  readonly longestDelay?: number;
}

export interface AutosaveEvents {
  state: { readonly frameId: string; readonly state: SaveState };
  /** The server has a new revision, made here. */
  saved: { readonly frameId: string; readonly etag: string; readonly number: number };
  /** Work could not be written to this device (disk full, private window): say so, loudly. */
  notKept: { readonly frameId: string; readonly error: Error };
}

/** Waits between tries while offline, in milliseconds; the last one repeats. */
const BACK_OFF = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

/** Unsaved work on one frame: its map as runs, which are read from the document no earlier than they are needed. */
class Work implements MapRuns {
  private known: Uint32Array<ArrayBuffer> | null = null;

  constructor(
    readonly width: number,
    readonly height: number,
    private readonly read: () => Uint32Array<ArrayBuffer>,
  ) {}

  /** Read once: a step made later is other work. */
  get runs(): Uint32Array<ArrayBuffer> {
    this.known ??= this.read();
    return this.known;
  }

  get map(): Labelmap {
    return fromRuns(this.width, this.height, this.runs);
  }
}

/** One save as it left. */
interface Sent extends Effort {
  readonly work: Work;
}

interface FrameRecord {
  readonly frameId: string;
  etag: string;
  /** Of the newest revision known; 0 where there is none. */
  number: number;
  origin: string;
  state: SaveState;
  /** What the server does not have yet. */
  work: Work | null;
  /** What was sent and may or may not have arrived. */
  doubtful: Sent | null;
  activeSeconds: number;
  strokes: number;
  clicks: number;
  /** By a clock that is never set: `performance.now()`. */
  unsavedSince: number;
  timer: ReturnType<typeof setTimeout> | null;
  failures: number;
  /** The save under way. */
  saving: Promise<void> | null;
  /** The last write to the journal: a save waits for it. */
  kept: Promise<void>;
}

/** The same object always: a panel that asks again must not take it for news. */
const NEVER_SAVED: SaveState = { kind: "saved", number: 0 };

/**
 * Saves every step by itself: first to this device, then, about a second later, to the server.
 *
 * Holds the unsaved work of every frame visited until the server has it, so changing the frame never
 * waits for the network. Nothing is sent twice at once; a step made while a save is under way is sent
 * after it, on top of the revision it made.
 */
export class Autosave {
  private readonly emitter = new Emitter<AutosaveEvents>();
  private readonly records = new Map<string, FrameRecord>();
  private disposed = false;
  /** Work that is not on its way to the journal: the picture of a step comes before its copy. */
  private readonly unkept = new Set<FrameRecord>();
  private readonly keepSoon = afterPaint(() => this.keepAll());
  private readonly delay: number;
  private readonly longestDelay: number;

  constructor(private readonly options: AutosaveOptions) {
    this.delay = options.delay ?? 1_000;
    this.longestDelay = options.longestDelay ?? 5_000;
  }

  on<Name extends keyof AutosaveEvents>(
    name: Name,
    listener: (event: AutosaveEvents[Name]) => void,
  ): () => void {
    return this.emitter.on(name, listener);
  }

  /**
   * A frame was loaded at this revision. False when it must be loaded again: a save made meanwhile is
   * newer. `since` is what was known when the loading began: an older revision is right where nothing was saved
   * since, for work can be taken back. Changes nothing while there is unsaved work on it.
   */
  opened(frameId: string, etag: string, number: number, origin: string, since?: string | null): boolean {
    const known = this.records.get(frameId);
    if (known && (known.work || known.saving)) return true;
    if (known && known.number > number && known.etag !== since) return false;
    this.records.set(frameId, {
      frameId,
      etag,
      number,
      origin,
      state: { kind: "saved", number },
      work: null,
      doubtful: null,
      activeSeconds: 0,
      strokes: 0,
      clicks: 0,
      unsavedSince: 0,
      timer: null,
      failures: 0,
      saving: null,
      kept: Promise.resolve(),
    });
    return true;
  }

  /**
   * A step was made: keep it once it is painted, and send it soon. `runs` tells the map's as of this step for as long
   * as no other step is told of; without it they are made now.
   */
  edited(frameId: string, map: Labelmap, runs?: () => Uint32Array<ArrayBuffer>): void {
    const record = this.mustKnow(frameId);
    if (!record.work) record.unsavedSince = performance.now();
    record.work = runs ? new Work(map.width, map.height, runs) : workOf(map);
    record.strokes++;
    record.activeSeconds += this.options.takeActiveSeconds?.() ?? 0;
    record.clicks += this.options.takeClicks?.() ?? 0;
    this.unkept.add(record);
    this.keepSoon();
    // Conflicts, sign-in and refusals wait for the person; offline waits for its own next try.
    if (record.state.kind === "saved" || record.state.kind === "unsaved") {
      this.show(record, { kind: "unsaved" });
      const waited = performance.now() - record.unsavedSince;
      this.schedule(record, Math.max(0, Math.min(this.delay, this.longestDelay - waited)));
    }
  }

  /**
   * The next step continues work of an earlier visit: its effort counts, and it is sent as growing from the
   * revision it grew from, so that what was saved since is merged and not painted over.
   */
  continues(frameId: string, effort: Effort, from: { etag: string; number: number; origin: string }): void {
    const record = this.mustKnow(frameId);
    record.activeSeconds += effort.activeSeconds;
    // Putting it back is no step of the person's.
    record.strokes += effort.strokes - 1;
    record.clicks += effort.clicks;
    if (record.work || record.saving) return;
    record.etag = from.etag;
    record.number = from.number;
    record.origin = from.origin;
  }

  /** What the work on a frame grew from: revision 0 is the draft or a blank map, by `origin`. */
  base(frameId: string): { number: number; origin: string } {
    const { number, origin } = this.mustKnow(frameId);
    return { number, origin };
  }

  state(frameId: string): SaveState {
    return this.records.get(frameId)?.state ?? NEVER_SAVED;
  }

  etag(frameId: string): string | null {
    return this.records.get(frameId)?.etag ?? null;
  }

  /** The frame's newest work where the server does not have it yet: what to show when it is opened again. */
  unsavedMap(frameId: string): Labelmap | null {
    return this.records.get(frameId)?.work?.map ?? null;
  }

  /** How many frames wait for the line to come back. */
  get offlineFrames(): number {
    return [...this.records.values()].filter(({ state }) => state.kind === "offline").length;
  }

  /** How many frames have work the server does not have. */
  get unsavedFrames(): number {
    return [...this.records.values()].filter((record) => record.work).length;
  }

  /** Ctrl S, or before submitting: send now. Resolves to what became of it, with nothing under way. */
  async saveNow(frameId: string): Promise<SaveState> {
    const record = this.mustKnow(frameId);
    // A step made during a save is sent by a save of its own.
    do {
      await (record.saving ?? this.save(record));
    } while (record.work && record.state.kind === "unsaved");
    return record.state;
  }

  /** Send everything that is not saved, once, and wait for the answers. */
  async flush(): Promise<void> {
    const waiting = [...this.records.values()].filter(({ state }) => state.kind !== "conflict");
    await Promise.all(waiting.map((record) => this.saveNow(record.frameId)));
  }

  /** The network is back: try everything that waits for it, now. */
  online(): void {
    for (const record of this.records.values()) {
      if (record.state.kind !== "offline") continue;
      record.failures = 0;
      void this.save(record);
    }
  }

  /** The person has signed in again. */
  signedIn(): void {
    for (const record of this.records.values()) if (record.state.kind === "signedOut") void this.save(record);
  }

  /** After a conflict the person chose: put this map (mine, or a merge) on top of the newest revision. */
  async keepMine(
    frameId: string,
    newest: { etag: string; number: number },
    merged?: Labelmap,
  ): Promise<SaveState> {
    const record = this.mustKnow(frameId);
    record.etag = newest.etag;
    record.number = newest.number;
    record.doubtful = null;
    if (merged) {
      record.work = workOf(merged);
      this.keep(record);
    } else if (record.work) this.keep(record);
    this.show(record, { kind: "unsaved" });
    return this.saveNow(frameId);
  }

  /** The person chose the server's mask: forget the unsaved work here. Then load the frame again. */
  async discard(frameId: string): Promise<void> {
    const record = this.mustKnow(frameId);
    this.stopTimer(record);
    await record.saving;
    this.stopTimer(record);
    record.work = null;
    record.doubtful = null;
    this.unkept.delete(record);
    await record.kept;
    await this.options.journal.remove(frameId);
    this.records.delete(frameId);
    this.emitter.emit("state", { frameId, state: this.state(frameId) });
  }

  /** Write what waits for its picture to the journal now: the page may go. */
  keepAll(): void {
    for (const record of this.unkept) this.keep(record);
  }

  /** Stop all timers, for good. Unsaved work stays in the journal. */
  dispose(): void {
    this.disposed = true;
    this.keepAll();
    for (const record of this.records.values()) this.stopTimer(record);
  }

  private save(record: FrameRecord): Promise<void> {
    if (record.saving) return record.saving;
    this.stopTimer(record);
    if (!record.work) return Promise.resolve();
    record.saving = this.send(record, record.work).finally(() => {
      record.saving = null;
      // A step made meanwhile waits its own second from now.
      if (record.state.kind === "unsaved") this.schedule(record, this.delay);
    });
    return record.saving;
  }

  private async send(record: FrameRecord, work: Work): Promise<void> {
    this.show(record, { kind: "saving" });
    if (this.unkept.has(record)) this.keep(record);
    await record.kept;
    const { activeSeconds, strokes, clicks } = record;
    const sent: Sent = { work, activeSeconds, strokes, clicks };
    let answer: SaveAnswer | null;
    try {
      answer = await this.options.port.put({
        frameId: record.frameId,
        png: await this.options.encode(work),
        etag: record.etag,
        meta: { origin: record.origin, activeSeconds, strokes, clicks },
      });
      if (answer.kind === "stale" && record.doubtful)
        answer = await this.recognise(record, record.doubtful, answer);
    } catch (error) {
      // A fault of ours (a PNG that cannot be made, a port that throws): the work is safe, say what is wrong.
      answer = { kind: "refused", message: error instanceof Error ? error.message : String(error) };
    }
    if (!answer) this.show(record, { kind: "unsaved" });
    else if (answer.kind === "saved") await this.saved(record, sent, answer);
    else if (answer.kind === "stale") this.show(record, { ...answer, kind: "conflict" });
    else this.show(record, answer);

    if (answer?.kind === "offline") {
      record.doubtful ??= sent;
      this.schedule(record, BACK_OFF[Math.min(record.failures, BACK_OFF.length - 1)]);
      record.failures++;
    }
  }

  private async saved(
    record: FrameRecord,
    sent: Sent,
    answer: SaveAnswer & { kind: "saved" },
  ): Promise<void> {
    record.etag = answer.etag;
    record.number = answer.number;
    record.origin = "hand";
    record.failures = 0;
    // A save recognised as having arrived has been taken off already: its record is no longer in doubt.
    takeOff(record, sent);
    record.doubtful = null;
    if (record.work === sent.work) record.work = null;
    if (record.work) {
      // The work in the journal grew from this revision now.
      record.unsavedSince = performance.now();
      this.keep(record);
    } else {
      await record.kept;
      // A step made while waiting for the disk has written its own entry: that one stays.
      if (!record.work) await this.remove(record);
    }
    this.emitter.emit("saved", { frameId: record.frameId, etag: answer.etag, number: answer.number });
    this.show(record, record.work ? { kind: "unsaved" } : { kind: "saved", number: answer.number });
  }

  /**
   * "Stale" after a lost answer may mean our own save that did arrive: then the newest mask is what we
   * sent, nobody is in conflict, and the work goes on from there. Null: send again, on the new revision.
   */
  private async recognise(
    record: FrameRecord,
    doubtful: Sent,
    stale: SaveAnswer & { kind: "stale" },
  ): Promise<SaveAnswer | null> {
    const newest = await this.options.port.newest(record.frameId);
    if (!newest) return { kind: "offline" };
    if (!doubtful.work.map.equals(newest.map)) return stale;
    record.etag = newest.etag;
    record.number = newest.number;
    record.doubtful = null;
    takeOff(record, doubtful);
    if (!record.work?.map.equals(newest.map)) return null;
    return { kind: "saved", etag: newest.etag, number: newest.number };
  }

  private keep(record: FrameRecord): void {
    this.unkept.delete(record);
    if (!record.work) return;
    const { frameId, etag, number, origin, activeSeconds, strokes, clicks } = record;
    const { width, height, runs } = record.work;
    const effort = { activeSeconds, strokes, clicks };
    const entry = { frameId, etag, number, origin, width, height, runs, at: Date.now(), ...effort };
    const write = this.options.journal.write(entry).catch((error: unknown) => {
      this.emitter.emit("notKept", { frameId, error: error as Error });
    });
    record.kept = Promise.all([record.kept, write]).then(() => undefined);
  }

  private async remove(record: FrameRecord): Promise<void> {
    try {
      await this.options.journal.remove(record.frameId);
    } catch (error) {
      this.emitter.emit("notKept", { frameId: record.frameId, error: error as Error });
    }
  }

  private schedule(record: FrameRecord, delay: number): void {
    this.stopTimer(record);
    if (this.disposed) return;
    record.timer = setTimeout(() => {
      record.timer = null;
      void this.save(record);
    }, delay);
  }

  private stopTimer(record: FrameRecord): void {
    if (record.timer !== null) clearTimeout(record.timer);
    record.timer = null;
  }

  private show(record: FrameRecord, state: SaveState): void {
    record.state = state;
    this.emitter.emit("state", { frameId: record.frameId, state });
  }

  private mustKnow(frameId: string): FrameRecord {
    const record = this.records.get(frameId);
    if (!record) throw new Error(`frame ${frameId} was never opened: call opened() first`);
    return record;
  }
}

/** This effort is with the server. */
function takeOff(record: FrameRecord, sent: Effort): void {
  record.activeSeconds = Math.max(0, record.activeSeconds - sent.activeSeconds);
  record.strokes = Math.max(0, record.strokes - sent.strokes);
  record.clicks = Math.max(0, record.clicks - sent.clicks);
}

function workOf(map: Labelmap): Work {
  const runs = toRuns(map);
  return new Work(map.width, map.height, () => runs);
}
