/** What the cache holds: `bytes` is its memory, `close` frees what the garbage collector does not. */
export interface Cached {
  readonly bytes: number;
  close(): void;
}

export interface FrameCacheOptions<Item extends Cached> {
  /** Load and decode one frame. `signal` aborts when nobody wants it any more. */
  readonly load: (frameId: string, signal: AbortSignal) => Promise<Item>;
  readonly maxBytes?: number;
}

interface Loading<Item> {
  readonly promise: Promise<Item>;
  readonly abort: AbortController;
  /** Somebody waits for it; not just a guess ahead. */
  wanted: boolean;
}

const DEFAULT_BYTES = 192 * 1024 * 1024;

/**
 * Decoded frames around the one being worked on, so that the next one is there when the key is pressed.
 *
 * Least recently used go first when the bytes run out; the pinned ones (on the table, and its neighbours)
 * never do.
 */
export class FrameCache<Item extends Cached> {
  /** In order of use: the first is the one to go. */
  private readonly items = new Map<string, Item>();
  private readonly loading = new Map<string, Loading<Item>>();
  private pinned: ReadonlySet<string> = new Set();
  private held = 0;
  private readonly maxBytes: number;

  constructor(private readonly options: FrameCacheOptions<Item>) {
    this.maxBytes = options.maxBytes ?? DEFAULT_BYTES;
  }

  get bytes(): number {
    return this.held;
  }

  has(frameId: string): boolean {
    return this.items.has(frameId);
  }

  /** The frame if it is here, without waiting. */
  peek(frameId: string): Item | undefined {
    const item = this.items.get(frameId);
    if (item) this.touch(frameId, item);
    return item;
  }

  /** The frame, loaded where need be. Rejects as `load` does; the next `get` tries again. */
  async get(frameId: string): Promise<Item> {
    return this.peek(frameId) ?? this.start(frameId, true).promise;
  }

  /**
   * Keep `current` and load `ahead` in this order; guesses made before and no longer in it are aborted.
   * Resolves when all of them are here or have failed: a failed guess is only tried again when asked for.
   */
  async around(current: string, ahead: readonly string[]): Promise<void> {
    this.pinned = new Set([current, ...ahead]);
    for (const [frameId, loading] of this.loading)
      if (!loading.wanted && !this.pinned.has(frameId)) loading.abort.abort();
    // One after another: the nearest guess must not share the line with the farther ones.
    for (const frameId of ahead) {
      if (!this.pinned.has(frameId)) return;
      if (this.items.has(frameId)) continue;
      await this.start(frameId, false).promise.catch(() => undefined);
    }
  }

  /** Forget a frame, so that it is loaded anew. */
  drop(frameId: string): void {
    this.loading.get(frameId)?.abort.abort();
    this.loading.delete(frameId);
    const item = this.items.get(frameId);
    if (!item) return;
    this.items.delete(frameId);
    this.held -= item.bytes;
    item.close();
  }

  clear(): void {
    this.pinned = new Set();
    for (const frameId of [...this.loading.keys(), ...this.items.keys()]) this.drop(frameId);
  }

  private start(frameId: string, wanted: boolean): Loading<Item> {
    const under = this.loading.get(frameId);
    if (under && !under.abort.signal.aborted) {
      under.wanted ||= wanted;
      return under;
    }
    const abort = new AbortController();
    const promise = this.options.load(frameId, abort.signal).then(
      (item) => {
        if (this.loading.get(frameId) !== loading) {
          item.close(); // dropped, or started anew, while it was on its way
          throw new DOMException(`frame ${frameId} is no longer wanted`, "AbortError");
        }
        this.loading.delete(frameId);
        this.keep(frameId, item);
        return item;
      },
      (error: unknown) => {
        if (this.loading.get(frameId) === loading) this.loading.delete(frameId);
        throw error;
      },
    );
    const loading: Loading<Item> = { promise, abort, wanted };
    this.loading.set(frameId, loading);
    return loading;
  }

  private keep(frameId: string, item: Item): void {
    this.items.set(frameId, item);
    this.held += item.bytes;
    for (const [oldest, old] of this.items) {
      if (this.held <= this.maxBytes) return;
      if (oldest === frameId || this.pinned.has(oldest)) continue;
      this.items.delete(oldest);
      this.held -= old.bytes;
      old.close();
    }
  }

  private touch(frameId: string, item: Item): void {
    this.items.delete(frameId);
    this.items.set(frameId, item);
  }
}
