import { type DBSchema, deleteDB, type IDBPDatabase, openDB } from "idb";
import type { Labelmap } from "./labelmap";
import { fromRuns } from "./runs";

/** Unsaved work on one frame, as it lies on this device. */
export interface JournalEntry {
  readonly frameId: string;
  /** The tab, and life of it, that wrote this: two tabs never overwrite each other's work. */
  readonly writer: string;
  /** The server's revision the work grew from, as its ETag. */
  readonly etag: string;
  readonly origin: string;
  readonly width: number;
  readonly height: number;
  /** The whole label map, see runs.ts. */
  readonly runs: Uint32Array<ArrayBuffer>;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly activeSeconds: number;
  readonly strokes: number;
}

/** Work of an earlier life of this page that the server never confirmed. */
export interface PendingWork {
  readonly frameId: string;
  readonly writer: string;
  readonly etag: string;
  readonly origin: string;
  readonly map: Labelmap;
  /** Milliseconds since 1970. */
  readonly at: number;
}

interface Schema extends DBSchema {
  work: { key: [string, string]; value: JournalEntry; indexes: { frame: string } };
}

/**
 * Unsaved work in IndexedDB: written after every stroke, removed when the server has it.
 *
 * One database per person, so that nobody is offered another's work on a shared computer.
 */
export class Journal {
  private constructor(
    private readonly database: IDBPDatabase<Schema>,
    private readonly name: string,
    /** Random: a page that is loaded again is another writer. */
    readonly writer: string,
  ) {}

  static async open(userId: string): Promise<Journal> {
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
    return new Journal(database, name, writer);
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
    const entries = await this.database.getAllFromIndex("work", "frame", frameId);
    return entries
      .filter((entry) => entry.writer !== this.writer)
      .sort((one, other) => other.at - one.at)
      .map((entry) => ({
        frameId: entry.frameId,
        writer: entry.writer,
        etag: entry.etag,
        origin: entry.origin,
        at: entry.at,
        map: fromRuns(entry.width, entry.height, entry.runs),
      }));
  }

  /** All frames with unsaved work of earlier lives, for "you have unsaved work" on any screen. */
  async pendingFrames(): Promise<string[]> {
    const keys = await this.database.getAllKeys("work");
    return [...new Set(keys.filter(([, writer]) => writer !== this.writer).map(([frameId]) => frameId))];
  }

  close(): void {
    this.database.close();
  }

  /** Signing out: leave nothing of this person's work on the device. */
  async wipe(): Promise<void> {
    this.database.close();
    await deleteDB(this.name);
  }
}
