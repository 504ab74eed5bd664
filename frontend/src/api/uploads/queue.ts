/** What a person dropped: one video (or zip), or the stills of one folder, which travel as one zip. */
export type UploadSource = { kind: "file"; file: File } | { kind: "stills"; name: string; files: File[] };

export interface UploadRequest {
  project: number;
  subject: string;
  source: UploadSource;
}

/** The clip whose bytes are the same. */
export interface KnownClip {
  id: number;
  subject: string;
  number: number;
}

/** What the network tells about one upload. */
export type UploadEvent =
  | { type: "packing" }
  | { type: "sent"; sent: number; total: number }
  | { type: "stored"; clip: number | null }
  | { type: "duplicate"; clip: KnownClip }
  /** The line was cut; what arrived is kept and the rest can follow. */
  | { type: "cut"; message: string }
  /** The server said no: sending again would not help. */
  | { type: "refused"; message: string };

/** The edge of the world: sends one source and tells how it goes. Returns the way to stop. */
export interface UploadPort {
  send(request: UploadRequest, tell: (event: UploadEvent) => void): (discard: boolean) => void;
}

export type UploadState = "waiting" | "packing" | "sending" | "held" | "stored" | "duplicate" | "refused";

export interface Upload {
  key: number;
  request: UploadRequest;
  name: string;
  size: number;
  state: UploadState;
  /** Bytes the server has. */
  sent: number;
  /** The clip it became, once stored. */
  clip: number | null;
  known: KnownClip | null;
  message: string;
}

/** More at once does not go faster and makes each bar slower. */
const AT_ONCE = 2;
/** How long a cut upload rests before it is tried again by itself. */
const REST_MS = 8_000;

export function sourceName(source: UploadSource): string {
  return source.kind === "file" ? source.file.name : source.name;
}

function sourceSize(source: UploadSource): number {
  if (source.kind === "file") return source.file.size;
  return source.files.reduce((sum, file) => sum + file.size, 0);
}

export const isOver = (upload: Upload) => ["stored", "duplicate", "refused"].includes(upload.state);
export const isBusy = (upload: Upload) => upload.state === "packing" || upload.state === "sending";

/** The upload after an event. Pure; an upload that is over no longer changes. */
export function after(upload: Upload, event: UploadEvent): Upload {
  if (isOver(upload)) return upload;
  switch (event.type) {
    case "packing":
      return { ...upload, state: "packing", message: "" };
    case "sent":
      // The zip of stills is a little larger than the stills: from here on the true total counts.
      return { ...upload, state: "sending", sent: event.sent, size: event.total, message: "" };
    case "stored":
      return { ...upload, state: "stored", sent: upload.size, clip: event.clip, message: "" };
    case "duplicate":
      return { ...upload, state: "duplicate", known: event.clip, message: "" };
    case "cut":
      return { ...upload, state: "held", message: event.message };
    case "refused":
      return { ...upload, state: "refused", message: event.message };
  }
}

/** All uploads of this tab. Lives outside the screens, so that leaving a page ends nothing. */
export class UploadQueue {
  private uploads: readonly Upload[] = [];
  private readonly stops = new Map<number, (discard: boolean) => void>();
  private readonly rests = new Map<number, ReturnType<typeof setTimeout>>();
  private readonly listeners = new Set<() => void>();
  private lastKey = 0;

  constructor(private readonly port: UploadPort) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The same array until something changes. */
  readonly snapshot = (): readonly Upload[] => this.uploads;

  add(requests: UploadRequest[]): void {
    const fresh = requests.map((request): Upload => {
      this.lastKey += 1;
      return {
        key: this.lastKey,
        request,
        name: sourceName(request.source),
        size: sourceSize(request.source),
        state: "waiting",
        sent: 0,
        clip: null,
        known: null,
        message: "",
      };
    });
    this.set([...this.uploads, ...fresh]);
    this.startWaiting();
  }

  /** Goes on with an upload that was cut or refused; what the server has is not sent again. */
  retry(key: number): void {
    this.stopResting(key);
    this.replace(key, (upload) =>
      upload.state === "held" || upload.state === "refused"
        ? { ...upload, state: "waiting", message: "" }
        : upload,
    );
    this.startWaiting();
  }

  /** Goes on with everything the cut line stopped: called when the browser is online again. */
  resumeHeld(): void {
    for (const upload of this.uploads) if (upload.state === "held") this.retry(upload.key);
  }

  /** Takes an upload out; half-sent bytes are discarded on the server. A stored clip stays. */
  remove(key: number): void {
    this.stopResting(key);
    const stop = this.stops.get(key);
    this.stops.delete(key);
    this.set(this.uploads.filter((upload) => upload.key !== key));
    stop?.(true);
    this.startWaiting();
  }

  /** Takes out everything that is over. */
  clearOver(): void {
    this.set(this.uploads.filter((upload) => !isOver(upload)));
  }

  private startWaiting(): void {
    for (const upload of this.uploads) {
      if (this.stops.size >= AT_ONCE) return;
      if (upload.state !== "waiting" || this.stops.has(upload.key)) continue;
      this.start(upload);
    }
  }

  private start({ key, request }: Upload): void {
    this.replace(key, (upload) => ({ ...upload, state: "sending" }));
    // A port may tell of the end before `send` has returned: then there is nothing left to stop.
    let ended = false;
    const stop = this.port.send(request, (event) => {
      if (ended) return;
      this.replace(key, (upload) => after(upload, event));
      ended = event.type !== "packing" && event.type !== "sent";
      if (!ended) return;
      this.stops.delete(key);
      if (event.type === "cut")
        this.rests.set(
          key,
          setTimeout(() => this.retry(key), REST_MS),
        );
      this.startWaiting();
    });
    if (!ended) this.stops.set(key, stop);
  }

  private stopResting(key: number): void {
    const timer = this.rests.get(key);
    if (timer) clearTimeout(timer);
    this.rests.delete(key);
  }

  private replace(key: number, change: (upload: Upload) => Upload): void {
    this.set(this.uploads.map((upload) => (upload.key === key ? change(upload) : upload)));
  }

  private set(uploads: readonly Upload[]): void {
    this.uploads = uploads;
    for (const listener of this.listeners) listener();
  }
}
