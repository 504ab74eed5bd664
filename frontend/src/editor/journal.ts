import { type DBSchema, deleteDB, type IDBPDatabase, openDB } from "idb";
import type { Labelmap } from "./labelmap";
import { fromRuns } from "./runs";
import type { Effort, WorkKeeper } from "./saving";

/** Unsaved work on one frame, as it lies on this device. */
export interface JournalEntry {
  readonly frameId: string;
  /** The tab, and life of it, that wrote this: two tabs never overwrite each other's work. */
  readonly writer: string;
  /** The server's revision the work grew from, as its ETag. */
  readonly etag: string;
  /** Of that revision; missing in what version 0.1 kept. */
  readonly number?: number;
  readonly origin: string;
  readonly width: number;
  readonly height: number;
  /** The whole label map, see runs.ts. */
  readonly runs: Uint32Array<ArrayBuffer>;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly activeSeconds: number;
  readonly strokes: number;
  /** Missing in what version 0.1 kept. */
  readonly clicks?: number;
}

/** Work of an earlier life of this page that the server never confirmed. */
export interface PendingWork {
  readonly frameId: string;
  readonly writer: string;
  readonly etag: string;
  /** Null where it was not kept. */
  readonly number: number | null;
  readonly origin: string;
  readonly map: Labelmap;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly effort: Effort;
}

/** What keeps work between visits; `Journal` is one. */
export interface WorkJournal extends WorkKeeper {
  remove(frameId: string, writer?: string): Promise<void>;
  pending(frameId: string): Promise<PendingWork[]>;
  close(): void;
}

/** Where this device keeps nothing (a private window, storage refused): nothing is kept, nothing is found. */
export class NoJournal implements WorkJournal {
  async write(): Promise<void> {}
  async remove(): Promise<void> {}
  async pending(): Promise<PendingWork[]> {
    return [];
  }
  close(): void {}
}

interface Schema extends DBSchema {
  work: { key: [string, string]; value: JournalEntry; indexes: { frame: string } };
}

/**
 * Unsaved work in IndexedDB: written after every stroke, removed when the server has it.
 *
 * One database per person, so that nobody is offered another's work on a shared computer.
 */
export class Journal implements WorkJournal {
  /** Lets go of the lock that says this writer lives. */
  private letGo: () => void = () => undefined;

  private constructor(
    private readonly database: IDBPDatabase<Schema>,
    private readonly name: string,
    /** Random: a page that is loaded again is another writer. */
    readonly writer: string,
  ) {}

  /** Rejects where this device keeps nothing: a private window, or storage refused to this site. */
  static async open(userId: string): Promise<Journal> {
    if (!globalThis.indexedDB) throw new Error("this browser has no storage for sites");
    const name = `sonoloop-work-${userId}`;
    const database = await openDB<Schema>(name, 1, {
      upgrade(fresh) {
        const store = fresh.createObjectStore("work", { keyPath: ["frameId", "writer"] });
        store.createIndex("frame", "frameId");
      },
      // Another tab wants to delete the database (sign-out): do not stand in its way.
      blocking(_current, _wanted, event) {
        (event.target as IDBDatabase).close();
      },
    });
    // Not crypto.randomUUID: it is missing on plain http in a hospital's network.
    const writer = Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join(
      "",
    );
    const journal = new Journal(database, name, writer);
    await journal.holdOn();
    return journal;
  }

  /** Other tabs see by this lock that the writer lives; the browser frees it when the tab dies. */
  private async holdOn(): Promise<void> {
    // Missing on plain http: there a living tab's unsaved work is offered in another tab too, and merged when taken.
    if (!navigatorLocks()) return;
    await new Promise<void>((held) => {
      void navigatorLocks()?.request(lockOf(this.writer), () => {
        held();
        return new Promise<void>((done) => {
          this.letGo = done;
        });
      });
    });
  }

  /** Tabs that live, this one included: what they keep is not lost. */
  private async living(): Promise<ReadonlySet<string>> {
    const { held = [] } = (await navigatorLocks()?.query()) ?? {};
    return new Set([lockOf(this.writer), ...held.map(({ name }) => name ?? "")]);
  }

  /** Keep this writer's newest work on a frame, in place of its work before. Resolves when it is on disk. */
  async write(entry: Omit<JournalEntry, "writer">): Promise<void> {
    const transaction = this.database.transaction("work", "readwrite", { durability: "strict" });
    await Promise.all([transaction.store.put({ ...entry, writer: this.writer }), transaction.done]);
  }

  /** The server has this writer's work on the frame. */
  async remove(frameId: string, writer = this.writer): Promise<void> {
    await this.database.delete("work", [frameId, writer]);
  }

  /** What other lives of this page left unsaved on the frame, newest first. */
  async pending(frameId: string): Promise<PendingWork[]> {
    const [entries, living] = await Promise.all([
      this.database.getAllFromIndex("work", "frame", frameId),
      this.living(),
    ]);
    return entries
      .filter((entry) => !living.has(lockOf(entry.writer)))
      .sort((one, other) => other.at - one.at)
      .map((entry) => ({
        frameId: entry.frameId,
        writer: entry.writer,
        etag: entry.etag,
        number: entry.number ?? null,
        origin: entry.origin,
        at: entry.at,
        effort: {
          activeSeconds: entry.activeSeconds,
          strokes: entry.strokes,
          clicks: entry.clicks ?? 0,
        },
        map: fromRuns(entry.width, entry.height, entry.runs),
      }));
  }

  /** All frames with work the server does not have, in this and in other tabs: for "you have unsaved work". */
  async pendingFrames(): Promise<string[]> {
    const keys = await this.database.getAllKeys("work");
    return [...new Set(keys.filter(([, writer]) => writer !== this.writer).map(([frameId]) => frameId))];
  }

  close(): void {
    this.letGo();
    this.database.close();
  }

  /** Signing out: leave nothing of this person's work on the device. */
  async wipe(): Promise<void> {
    this.close();
    await deleteDB(this.name);
  }
}

function lockOf(writer: string): string {
  return `sonoloop-writer-${writer}`;
}

function navigatorLocks(): LockManager | undefined {
  return globalThis.navigator?.locks;
}
