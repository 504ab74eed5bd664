import type { QueryClient } from "@tanstack/react-query";
import { type QueryKey, staleAfter } from "./keys";
import type { Change } from "./types";

/** Changes come in bursts (a job's progress, a hundred frames drafted): refetch at most this often. */
const GATHER_MS = 400;

/** Gathers changes and hands over each stale key once per burst. Exported for its test. */
export class ChangeGatherer {
  private waiting = new Map<string, QueryKey>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly flushKeys: (keys: QueryKey[]) => void,
    private readonly delay = GATHER_MS,
  ) {}

  add(change: Change): void {
    for (const key of staleAfter(change)) this.waiting.set(JSON.stringify(key), key);
    this.timer ??= setTimeout(() => this.flush(), this.delay);
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.waiting.clear();
  }

  private flush(): void {
    const keys = [...this.waiting.values()];
    this.waiting.clear();
    this.timer = null;
    this.flushKeys(keys);
  }
}

/**
 * Listens to /api/events and makes cached answers old as things change on the server.
 * Returns the way to stop. The browser reconnects by itself; what happened in between is unknown, so then
 * everything is asked again.
 */
export function listenForChanges(client: QueryClient): () => void {
  const gatherer = new ChangeGatherer((keys) => {
    for (const queryKey of keys) void client.invalidateQueries({ queryKey });
  });
  const source = new EventSource("/api/events");
  let wasBroken = false;
  source.addEventListener("change", (event: MessageEvent<string>) => {
    gatherer.add(JSON.parse(event.data) as Change);
  });
  source.onerror = () => {
    wasBroken = true;
  };
  source.onopen = () => {
    if (wasBroken) void client.invalidateQueries();
    wasBroken = false;
  };
  return () => {
    source.close();
    gatherer.stop();
  };
}
