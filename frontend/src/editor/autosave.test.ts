import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ActivityClock } from "./activity";
import { Autosave } from "./autosave";
import type { Labelmap } from "./labelmap";
import { decodePng, encodePng } from "./png";
import { fromRuns } from "./runs";
import {
  describe as inWords,
  type SaveAnswer,
  type SavePort,
  type SaveRequest,
  type SaveState,
  type WorkKeeper,
} from "./saving";
import { drawn, text } from "./testing/support";

/** A server: one frame, revisions, and a network that can be made to fail. */
class Server implements SavePort {
  masks: Labelmap[] = [];
  requests: SaveRequest[] = [];
  network: "up" | "down" | "loses answers" = "up";
  signedIn = true;
  /** When set, answers wait until it is called. */
  release: (() => void) | null = null;
  private gate: Promise<void> = Promise.resolve();

  hold(): void {
    this.gate = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  async put(request: SaveRequest): Promise<SaveAnswer> {
    this.requests.push(request);
    await this.gate;
    if (this.network === "down") return { kind: "offline" };
    if (!this.signedIn) return { kind: "signedOut" };
    const number = this.masks.length;
    if (request.etag !== `r${number}`)
      return { kind: "stale", number, author: "Ada", at: "2026-11-22T10:00:00Z" };
    this.masks.push(decodePng(request.png));
    if (this.network === "loses answers") return { kind: "offline" };
    return { kind: "saved", etag: `r${number + 1}`, number: number + 1 };
  }

  async base() {
    return this.masks[0].clone();
  }

  async newest() {
    if (this.network === "down") return null;
    const number = this.masks.length;
    return { etag: `r${number}`, number, map: this.masks[number - 1] };
  }
}

/** A device that keeps what is written to it. */
class Device implements WorkKeeper {
  entry: Parameters<WorkKeeper["write"]>[0] | null = null;
  full = false;

  async write(entry: Parameters<WorkKeeper["write"]>[0]): Promise<void> {
    if (this.full) throw new Error("QuotaExceededError");
    this.entry = entry;
  }

  async remove(): Promise<void> {
    this.entry = null;
  }

  get kept(): string[] | null {
    return this.entry && text(fromRuns(this.entry.width, this.entry.height, this.entry.runs));
  }
}

let server: Server;
let device: Device;
let autosave: Autosave;
let states: SaveState["kind"][];
let activeSeconds: number;
let clicks: number;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  device = new Device();
  activeSeconds = 0;
  clicks = 0;
  autosave = new Autosave({
    port: server,
    journal: device,
    encode: async ({ width, height, runs }) => encodePng(fromRuns(width, height, runs)),
    takeActiveSeconds: () => {
      const taken = activeSeconds;
      activeSeconds = 0;
      return taken;
    },
    takeClicks: () => {
      const taken = clicks;
      clicks = 0;
      return taken;
    },
  });
  states = [];
  autosave.on("state", ({ state }) => states.push(state.kind));
  autosave.opened("f", "r0", 0, "draft");
});

afterEach(() => {
  autosave.dispose();
  vi.useRealTimers();
});

const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
const edit = (row: string) => autosave.edited("f", drawn(row));

describe("saving", () => {
  test("a step is on the device at once and on the server a second later, then gone from the device", async () => {
    edit("1..");
    await pass(10);
    expect(device.kept).toEqual(["1.."]);
    expect(server.requests).toHaveLength(0);
    await pass(1000);
    expect(text(server.masks[0])).toEqual(["1.."]);
    expect(device.kept).toBeNull();
    expect(states).toEqual(["unsaved", "saving", "saved"]);
    expect(autosave.state("f")).toEqual({ kind: "saved", number: 1 });
    expect(autosave.etag("f")).toBe("r1");
    expect(autosave.unsavedFrames).toBe(0);
  });

  test("steps in quick succession are one revision; none waits longer than five seconds", async () => {
    for (let i = 0; i < 10; i++) {
      edit(i % 2 ? "1.." : "11.");
      await pass(600);
    }
    expect(server.masks).toHaveLength(1);
    await pass(1000);
    expect(server.masks).toHaveLength(2);
  });

  test("two steps while saving are sent after it, together, on top of its revision", async () => {
    server.hold();
    edit("1..");
    await pass(1000);
    edit("11.");
    edit("111");
    await pass(100);
    expect(server.requests).toHaveLength(1);
    expect(device.kept).toEqual(["111"]);
    server.release?.();
    await pass(10);
    expect(autosave.state("f").kind).toBe("unsaved");
    expect(device.kept).toEqual(["111"]);
    expect(device.entry?.etag).toBe("r1");
    await pass(1000);
    expect(server.requests.map((request) => request.etag)).toEqual(["r0", "r1"]);
    expect(text(server.masks[1])).toEqual(["111"]);
    expect(device.kept).toBeNull();
  });

  test("save now does not wait, and answers only when nothing is left", async () => {
    server.hold();
    edit("1..");
    const done = autosave.saveNow("f");
    await pass(1);
    edit("12.");
    server.release?.();
    expect(await done).toEqual({ kind: "saved", number: 2 });
    expect(text(server.masks[1])).toEqual(["12."]);
  });

  test("active seconds, steps and origin are told once", async () => {
    activeSeconds = 4;
    clicks = 5;
    edit("1..");
    activeSeconds = 2.5;
    edit("11.");
    await pass(1000);
    expect(server.requests[0].meta).toEqual({ origin: "draft", activeSeconds: 6.5, strokes: 2, clicks: 5 });
    edit("111");
    await pass(1000);
    expect(server.requests[1].meta).toEqual({ origin: "hand", activeSeconds: 0, strokes: 1, clicks: 0 });
  });

  test("another frame can be worked on while one is on its way", async () => {
    server.hold();
    edit("1..");
    await pass(1000);
    autosave.opened("g", "r0", 0, "blank");
    autosave.edited("g", drawn("2"));
    expect(autosave.unsavedFrames).toBe(2);
    expect(text(autosave.unsavedMap("f") as Labelmap)).toEqual(["1.."]);
  });
});

describe("without a network", () => {
  test("the work stays on the device, is tried again more and more seldom, and arrives", async () => {
    server.network = "down";
    edit("1..");
    await pass(1000);
    expect(autosave.state("f").kind).toBe("offline");
    expect(inWords(autosave.state("f"))).toBe("Kept on this device (offline)");
    await pass(60_000);
    expect(server.requests.length).toBeGreaterThan(4);
    expect(server.requests.length).toBeLessThan(9);
    edit("11.");
    await pass(10);
    expect(device.kept).toEqual(["11."]);
    server.network = "up";
    autosave.online();
    await pass(10);
    expect(text(server.masks[0])).toEqual(["11."]);
    expect(device.kept).toBeNull();
  });

  test("a save whose answer was lost is recognised, not taken for somebody else's", async () => {
    server.network = "loses answers";
    edit("1..");
    await pass(1000);
    server.network = "up";
    await pass(2000);
    expect(states).not.toContain("conflict");
    expect(autosave.state("f")).toEqual({ kind: "saved", number: 1 });
    expect(server.masks).toHaveLength(1);
    expect(device.kept).toBeNull();
  });

  test("… and the step made since goes on top of it", async () => {
    server.network = "loses answers";
    activeSeconds = 3;
    edit("1..");
    await pass(1000);
    activeSeconds = 2;
    edit("11.");
    server.network = "up";
    await pass(5000);
    expect(states).not.toContain("conflict");
    expect(autosave.state("f")).toEqual({ kind: "saved", number: 2 });
    expect(server.masks.map(text)).toEqual([["1.."], ["11."]]);
    expect(server.requests.at(-1)?.meta).toMatchObject({ activeSeconds: 2, strokes: 1 });
  });
});

describe("conflict", () => {
  beforeEach(async () => {
    server.masks.push(drawn("222"));
    edit("1..");
    await pass(1000);
  });

  test("is told with who and when; nothing is overwritten, nothing is lost", async () => {
    expect(autosave.state("f")).toEqual({
      kind: "conflict",
      number: 1,
      author: "Ada",
      at: "2026-11-22T10:00:00Z",
    });
    edit("11.");
    await pass(60_000);
    expect(server.masks).toHaveLength(1);
    expect(server.requests).toHaveLength(1);
    expect(device.kept).toEqual(["11."]);
  });

  test("keep mine puts it on top of theirs", async () => {
    expect(await autosave.keepMine("f", { etag: "r1", number: 1 })).toEqual({ kind: "saved", number: 2 });
    expect(text(server.masks[1])).toEqual(["1.."]);
    expect(device.kept).toBeNull();
  });

  test("keep a merge", async () => {
    await autosave.keepMine("f", { etag: "r1", number: 1 }, drawn("122"));
    expect(text(server.masks[1])).toEqual(["122"]);
  });

  test("discard leaves theirs, and nothing on the device", async () => {
    await autosave.discard("f");
    expect(device.kept).toBeNull();
    expect(autosave.unsavedFrames).toBe(0);
    await pass(60_000);
    expect(server.masks).toHaveLength(1);
  });
});

describe("other answers", () => {
  test("signed out: waits for the sign-in, then saves", async () => {
    server.signedIn = false;
    edit("1..");
    await pass(60_000);
    expect(autosave.state("f").kind).toBe("signedOut");
    expect(server.requests).toHaveLength(1);
    server.signedIn = true;
    autosave.signedIn();
    await pass(10);
    expect(autosave.state("f")).toEqual({ kind: "saved", number: 1 });
  });

  test("refused: said in words, not tried again, kept", async () => {
    server.put = async (request) => {
      server.requests.push(request);
      return { kind: "refused", message: "label 9 is not one of this project's" };
    };
    edit("1..");
    await pass(60_000);
    expect(server.requests).toHaveLength(1);
    expect(inWords(autosave.state("f"))).toContain("label 9");
    expect(device.kept).toEqual(["1.."]);
  });

  test("a device that keeps nothing is told of, and the server still gets the work", async () => {
    const errors: Error[] = [];
    autosave.on("notKept", ({ error }) => errors.push(error));
    device.full = true;
    edit("1..");
    await pass(1000);
    expect(errors[0].message).toContain("Quota");
    expect(server.masks).toHaveLength(1);
  });

  test("a frame loaded before a save of ours arrived must be loaded again", async () => {
    edit("1..");
    await pass(1000);
    expect(autosave.opened("f", "r0", 0, "draft")).toBe(false);
    expect(autosave.opened("f", "r1", 1, "hand")).toBe(true);
  });
});

describe("active seconds", () => {
  test("pauses of up to 15 s count, longer ones not at all", () => {
    let now = 0;
    const clock = new ActivityClock(() => now);
    for (const at of [0, 1000, 15_000, 40_000, 41_000]) {
      now = at;
      clock.touch();
    }
    expect(clock.take()).toBe(16);
    expect(clock.seconds).toBe(0);
  });
});
