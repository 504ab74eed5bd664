import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type UploadEvent, type UploadPort, UploadQueue, type UploadRequest } from "./queue";

/** A network that does what the test says. */
class FakePort implements UploadPort {
  readonly calls: {
    request: UploadRequest;
    tell: (event: UploadEvent) => void;
    discarded: boolean | null;
  }[] = [];
  send(request: UploadRequest, tell: (event: UploadEvent) => void) {
    const call = { request, tell, discarded: null as boolean | null };
    this.calls.push(call);
    return (discard: boolean) => {
      call.discarded = discard;
    };
  }
}

const request = (name: string, size = 100): UploadRequest => ({
  project: 1,
  subject: "S1",
  source: { kind: "file", file: new File([new Uint8Array(size)], name) },
});

describe("the upload queue", () => {
  let port: FakePort;
  let queue: UploadQueue;
  const states = () => queue.snapshot().map((upload) => upload.state);

  beforeEach(() => {
    vi.useFakeTimers();
    port = new FakePort();
    queue = new UploadQueue(port);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("sends two at once and the next when one is over", () => {
    queue.add([request("a"), request("b"), request("c")]);
    expect(port.calls).toHaveLength(2);
    expect(states()).toEqual(["sending", "sending", "waiting"]);
    port.calls[0]?.tell({ type: "stored", clip: 7 });
    expect(states()).toEqual(["stored", "sending", "sending"]);
    expect(queue.snapshot()[0]).toMatchObject({ clip: 7, sent: 100 });
    expect(port.calls).toHaveLength(3);
  });

  it("shows the bytes the server has and the true total of a packed folder", () => {
    queue.add([
      {
        project: 1,
        subject: "S1",
        source: { kind: "stills", name: "loop", files: [new File(["abc"], "1.png")] },
      },
    ]);
    expect(queue.snapshot()[0]).toMatchObject({ name: "loop", size: 3 });
    port.calls[0]?.tell({ type: "packing" });
    expect(states()).toEqual(["packing"]);
    port.calls[0]?.tell({ type: "sent", sent: 40, total: 120 });
    expect(queue.snapshot()[0]).toMatchObject({ state: "sending", sent: 40, size: 120 });
  });

  it("holds a cut upload, lets others pass, and goes on by itself", () => {
    queue.add([request("a"), request("b"), request("c")]);
    port.calls[0]?.tell({ type: "sent", sent: 60, total: 100 });
    port.calls[0]?.tell({ type: "cut", message: "The line was cut." });
    expect(states()).toEqual(["held", "sending", "sending"]);
    expect(queue.snapshot()[0]?.sent).toBe(60);
    port.calls[1]?.tell({ type: "stored", clip: 1 });
    vi.advanceTimersByTime(10_000);
    expect(states()).toEqual(["sending", "stored", "sending"]);
    expect(port.calls[3]?.request.source).toBe(port.calls[0]?.request.source);
  });

  it("goes on at once when the browser is online again, and not a second time later", () => {
    queue.add([request("a")]);
    port.calls[0]?.tell({ type: "cut", message: "Offline." });
    queue.resumeHeld();
    expect(states()).toEqual(["sending"]);
    vi.advanceTimersByTime(60_000);
    expect(port.calls).toHaveLength(2);
  });

  it("tells a duplicate and a refusal apart, and lets only the refused be tried again", () => {
    queue.add([request("a"), request("b")]);
    port.calls[0]?.tell({ type: "duplicate", clip: { id: 4, subject: "S9", number: 2 } });
    port.calls[1]?.tell({ type: "refused", message: "This file is not a video." });
    expect(queue.snapshot().map(({ state, known, message }) => [state, known?.id ?? null, message])).toEqual([
      ["duplicate", 4, ""],
      ["refused", null, "This file is not a video."],
    ]);
    queue.retry(1);
    queue.retry(2);
    expect(states()).toEqual(["duplicate", "sending"]);
  });

  it("discards the half-sent bytes of a removed upload and ignores what it still says", () => {
    queue.add([request("a"), request("b"), request("c")]);
    queue.remove(1);
    expect(port.calls[0]?.discarded).toBe(true);
    port.calls[0]?.tell({ type: "stored", clip: 1 });
    expect(states()).toEqual(["sending", "sending"]);
  });

  it("keeps what is under way when finished ones are cleared", () => {
    queue.add([request("a"), request("b")]);
    port.calls[0]?.tell({ type: "stored", clip: 1 });
    queue.clearOver();
    expect(queue.snapshot().map((upload) => upload.name)).toEqual(["b"]);
  });

  it("keeps its places when a port ends before send returns", () => {
    const instant: UploadPort = {
      send(_request, tell) {
        tell({ type: "refused", message: "empty" });
        return () => undefined;
      },
    };
    const quick = new UploadQueue(instant);
    quick.add([request("a"), request("b"), request("c"), request("d")]);
    expect(quick.snapshot().map((upload) => upload.state)).toEqual(Array(4).fill("refused"));
  });
});
