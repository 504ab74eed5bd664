import type { Picture } from "./editorState";
import { Emitter } from "./emitter";
import type { Labelmap } from "./labelmap";

/** One frame to be shown: its picture, and its mask where it has one. */
export interface ClipFrame {
  readonly index: number;
  readonly picture: Picture;
  readonly map: Labelmap | null;
}

/** The way to the clip's frames, several at a time. */
export interface FrameSource {
  /** Frames `from` … `from + count - 1`, decoded, in order. Must heed `signal`. */
  chunk(from: number, count: number, signal: AbortSignal): Promise<readonly ClipFrame[]>;
}

export interface PlayerOptions {
  readonly source: FrameSource;
  /** Presentation times in seconds, one per frame, rising. */
  readonly times: readonly number[];
  /** Called when a frame is due. */
  readonly draw: (frame: ClipFrame) => void;
  readonly loop?: boolean;
  /** Memory for decoded frames, in bytes; a clip that fits is loaded once, however often it loops. */
  readonly maxBytes?: number;
  /** Calls back at the next screen refresh with the time in milliseconds. */
  readonly schedule?: (callback: (now: number) => void) => () => void;
}

export type PlayerPhase = "stopped" | "buffering" | "playing";

export interface PlayerEvents {
  phase: PlayerPhase;
  /** Frame `index` was drawn. */
  frame: number;
  failed: Error;
}

/** Seconds of clip that must be ready before it starts, or starts again. */
const AHEAD = 1;
const CHUNK = 16;
/** Milliseconds without a screen refresh that count as a pause (page hidden, machine busy), not as a slow screen. */
const STALL = 250;
const DEFAULT_BYTES = 256 * 1024 * 1024;

/**
 * Plays the clip with its masks at its own speed.
 *
 * It starts when one second is ready. When the network cannot keep up it waits for another second
 * instead of leaving frames out; a stalled page is a pause; only a screen slower than the clip makes it skip, and that is counted.
 */
export class Player {
  private readonly emitter = new Emitter<PlayerEvents>();
  private readonly frames = new Map<number, ClipFrame>();
  private readonly schedule: (callback: (now: number) => void) => () => void;
  private readonly maxBytes: number;
  private held = 0;
  private current = 0;
  private phase: PlayerPhase = "stopped";
  private skipped = 0;
  /** Clip time = (now - origin) · rate. */
  private origin: number | null = null;
  private lastTick = 0;
  private rate = 1;
  private fetching: AbortController | null = null;
  private cancelTick: (() => void) | null = null;

  constructor(private readonly options: PlayerOptions) {
    if (options.times.length === 0) throw new RangeError("a clip to play needs at least one frame");
    this.maxBytes = options.maxBytes ?? DEFAULT_BYTES;
    this.schedule =
      options.schedule ??
      ((callback) => {
        const handle = requestAnimationFrame(callback);
        return () => cancelAnimationFrame(handle);
      });
  }

  on<Name extends keyof PlayerEvents>(name: Name, listener: (event: PlayerEvents[Name]) => void): () => void {
    return this.emitter.on(name, listener);
  }

  get isPlaying(): boolean {
    return this.phase !== "stopped";
  }

  /** The frame last drawn, or where playing will start. */
  get index(): number {
    return this.current;
  }

  /** Frames left out since the last start because the screen was too slow. */
  get dropped(): number {
    return this.skipped;
  }

  /** Start at a frame (default: where it stopped; from the start when that is the end). */
  play(from = this.current): void {
    this.stop();
    const last = this.options.times.length - 1;
    this.current = from >= last ? 0 : Math.max(0, from);
    this.skipped = 0;
    this.buffer();
  }

  /** Stop on the frame shown. */
  stop(): void {
    this.cancelTick?.();
    this.cancelTick = null;
    this.fetching?.abort();
    this.fetching = null;
    this.setPhase("stopped");
  }

  /** 1 = as recorded. */
  setRate(rate: number): void {
    if (!(rate > 0)) throw new RangeError(`a rate above 0 is needed, got ${rate}`);
    this.rate = rate;
    this.origin = null; // the next tick sets the clock to the frame shown
  }

  /** A mask was edited: its next showing needs it anew. */
  forget(index: number): void {
    this.release(index);
  }

  dispose(): void {
    this.stop();
    for (const index of [...this.frames.keys()]) this.release(index);
  }

  private buffer(): void {
    this.origin = null;
    this.setPhase("buffering");
    this.fetch();
    this.startWhenReady();
  }

  private startWhenReady(): void {
    if (this.phase !== "buffering") return;
    const until = this.firstMissing();
    if (until !== null && this.secondsTo(until) < AHEAD && this.hasRoom()) return;
    if (until === this.current) return; // not even the first
    this.setPhase("playing");
    this.cancelTick = this.schedule(this.tick);
  }

  private readonly tick = (now: number): void => {
    if (this.phase !== "playing") return;
    const { times } = this.options;
    if (this.origin === null) {
      this.origin = now - (times[this.current] * 1000) / this.rate;
      this.show(this.current);
    }
    // After a pause go on where it stopped, instead of leaving out what would have been shown meanwhile.
    else if (now - this.lastTick > STALL) this.origin += now - this.lastTick;
    this.lastTick = now;
    // Half a millisecond early is on time: screens and clips at one rate would else beat against each other.
    const clipTime = ((now - this.origin) * this.rate) / 1000 + 0.0005;
    let due = this.current;
    while (due + 1 < times.length && times[due + 1] <= clipTime) due++;

    if (due > this.current) {
      const missing = this.firstMissing();
      if (missing !== null && missing <= due) {
        // Show what is here and wait for the rest, instead of leaving it out.
        if (missing - 1 > this.current) this.advance(missing - 1);
        this.buffer();
        return;
      }
      this.advance(due);
    } else if (this.current === times.length - 1 && clipTime >= this.endTime()) {
      if (!this.options.loop) {
        this.stop();
        return;
      }
      this.current = 0;
      if (!this.frames.has(0)) {
        this.buffer();
        return;
      }
      this.origin = now - (times[0] * 1000) / this.rate;
      this.show(0);
    }
    this.fetch();
    this.cancelTick = this.schedule(this.tick);
  };

  private advance(to: number): void {
    this.skipped += to - this.current - 1;
    this.current = to;
    this.show(to);
  }

  private show(index: number): void {
    const frame = this.frames.get(index);
    if (!frame) throw new Error(`frame ${index} was due but is not loaded`);
    this.options.draw(frame);
    this.emitter.emit("frame", index);
  }

  /** The last frame stays as long as the one before it did. */
  private endTime(): number {
    const { times } = this.options;
    const last = times.length - 1;
    return times[last] + (last > 0 ? times[last] - times[last - 1] : 0);
  }

  /** The first frame from the current one on that is not loaded, or null when all are to the end. */
  private firstMissing(): number | null {
    for (let i = this.current; i < this.options.times.length; i++) if (!this.frames.has(i)) return i;
    return null;
  }

  private secondsTo(index: number): number {
    return (this.options.times[index] - this.options.times[this.current]) / this.rate;
  }

  private hasRoom(): boolean {
    return this.held < this.maxBytes;
  }

  /** Load the next chunk, if there is room for it and none is on its way. */
  private fetch(): void {
    if (this.fetching) return;
    let from = this.firstMissing();
    // All to the end is here: a loop will want the start again.
    if (from === null && this.options.loop) {
      from = 0;
      while (from < this.current && this.frames.has(from)) from++;
      if (from === this.current) return;
    }
    if (from === null) return;
    if (!this.hasRoom()) this.makeRoom(from);
    if (!this.hasRoom()) return;

    let count = 1;
    while (count < CHUNK && from + count < this.options.times.length && !this.frames.has(from + count))
      count++;
    const abort = new AbortController();
    this.fetching = abort;
    this.options.source.chunk(from, count, abort.signal).then(
      (frames) => {
        if (abort.signal.aborted) {
          for (const frame of frames) frame.picture.close();
          return;
        }
        this.fetching = null;
        if (frames.length !== count || frames[0].index !== from) {
          this.fail(new Error(`asked for ${count} frames from ${from}, got ${frames.length}`));
          return;
        }
        for (const frame of frames) {
          this.frames.set(frame.index, frame);
          this.held += bytesOf(frame);
        }
        this.startWhenReady();
        if (this.isPlaying) this.fetch();
      },
      (error: unknown) => {
        if (!abort.signal.aborted) this.fail(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  /** Let go of what will be wanted later than `from`, the latest first; just shown is latest of all. */
  private makeRoom(from: number): void {
    const { length } = this.options.times;
    const wait = (index: number) => (index - this.current + length) % length;
    const later = [...this.frames.keys()].filter((index) => wait(index) > wait(from));
    for (const index of later.sort((one, other) => wait(other) - wait(one))) {
      if (this.hasRoom()) return;
      this.release(index);
    }
  }

  private release(index: number): void {
    const frame = this.frames.get(index);
    if (!frame) return;
    this.frames.delete(index);
    this.held -= bytesOf(frame);
    frame.picture.close();
  }

  private fail(error: Error): void {
    this.stop();
    this.emitter.emit("failed", error);
  }

  private setPhase(phase: PlayerPhase): void {
    if (phase === this.phase) return;
    this.phase = phase;
    this.emitter.emit("phase", phase);
  }
}

function bytesOf(frame: ClipFrame): number {
  const pixels = frame.picture.width * frame.picture.height;
  return 4 * pixels + (frame.map ? pixels : 0);
}
