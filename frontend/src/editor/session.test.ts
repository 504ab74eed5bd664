import "fake-indexeddb/auto";
import { afterEach, describe, expect, test } from "vitest";
import { Journal } from "./journal";
import { Labelmap } from "./labelmap";
import { resolve } from "./merge";
import { decodePng } from "./png";
import type { SaveAnswer, SaveMeta, SavePort, SaveRequest } from "./saving";
import { EditorSession, type FramePort, type RecoveredWork } from "./session";
import { drawn, LABELS, picture, text } from "./testing/support";
import { toScreen } from "./transform";

/** The server: masks by frame, and a switch for the network. */
class Server implements FramePort, SavePort {
  readonly masks = new Map<string, Labelmap[]>();
  readonly loads: string[] = [];
  readonly told: SaveMeta[] = [];
  isUp = true;

  async load(frameId: string) {
    if (!this.isUp) throw new Error("no network");
    this.loads.push(frameId);
    const revisions = this.masks.get(frameId) ?? [];
    const map = revisions.at(-1)?.clone() ?? new Labelmap(6, 4);
    const number = revisions.length;
    return { picture: picture(6, 4), map, etag: `r${number}`, number, origin: number ? "hand" : "blank" };
  }

  async put({ frameId, png, etag, meta }: SaveRequest): Promise<SaveAnswer> {
    this.told.push(meta);
    if (!this.isUp) return { kind: "offline" };
    const revisions = this.masks.get(frameId) ?? [];
    if (etag !== `r${revisions.length}`)
      return { kind: "stale", number: revisions.length, author: "Ada", at: "2026-11-22T10:00:00Z" };
    this.masks.set(frameId, [...revisions, decodePng(png)]);
    return { kind: "saved", etag: `r${revisions.length + 1}`, number: revisions.length + 1 };
  }

  async base(frameId: string, number: number) {
    return this.masks.get(frameId)?.[number - 1]?.clone() ?? new Labelmap(6, 4);
  }

  async newest(frameId: string) {
    const revisions = this.masks.get(frameId) ?? [];
    return { etag: `r${revisions.length}`, number: revisions.length, map: revisions[revisions.length - 1] };
  }
}

let user = 0;
const journals: Journal[] = [];
const sessions: EditorSession[] = [];

afterEach(() => {
  for (const session of sessions.splice(0)) session.dispose();
  for (const journal of journals.splice(0)) journal.close();
});

/** A page that is opened by this user. Opening another one by the same user is a reload after a crash. */
async function visit(server: Server, userId: string) {
  const journal = await Journal.open(userId);
  journals.push(journal);
  const session = new EditorSession({ labels: LABELS, frames: server, saves: server, journal });
  sessions.push(session);
  session.editor.setViewport({ width: 600, height: 400 });
  session.editor.setBrushSize(1);
  const offers: (RecoveredWork | null)[] = [];
  session.on("recovered", (offer) => offers.push(offer));
  const stroke = (x: number, y: number) => {
    const at = toScreen(session.editor.view, { x, y });
    session.editor.pointerDown(at);
    session.editor.pointerUp(at);
  };
  const shown = () => text(session.editor.openFrame?.document.labelmap as Labelmap);
  return { session, journal, offers, stroke, shown };
}

/** Wait for what is under way on this device, without waiting for timers of the engine. */
async function settled(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("waited in vain");
}

const PAINTED = ["......", ".1....", "......", "......"];

describe("work that was never saved", () => {
  test("a page killed between stroke and save: the work is found, offered, taken and saved", async () => {
    const server = new Server();
    const userId = `u${++user}`;
    const before = await visit(server, userId);
    await before.session.open("f");
    before.stroke(1.5, 1.5);
    const reader = await Journal.open(userId);
    journals.push(reader);
    await settled(async () => (await reader.pending("f")).length === 1);
    before.session.autosave.dispose(); // killed: no timer of it ever runs
    expect(server.masks.size).toBe(0);

    const after = await visit(server, userId);
    expect(await after.journal.pendingFrames()).toEqual(["f"]);
    await after.session.open("f");
    expect(after.offers).toEqual([{ frameId: "f", at: expect.any(Number), isOutdated: false }]);
    expect(after.shown()).toEqual(["......", "......", "......", "......"]);
    await after.session.takeRecovered();
    expect(after.shown()).toEqual(PAINTED);
    expect(text(server.masks.get("f")?.at(-1) as Labelmap)).toEqual(PAINTED);
    expect(await after.journal.pendingFrames()).toEqual([]);
    after.session.editor.undo();
    expect(after.shown()).toEqual(["......", "......", "......", "......"]);
  });

  test("is not overwritten by new strokes made before the person has decided", async () => {
    const server = new Server();
    const userId = `u${++user}`;
    const before = await visit(server, userId);
    await before.session.open("f");
    before.stroke(1.5, 1.5);
    const reader = await Journal.open(userId);
    journals.push(reader);
    await settled(async () => (await reader.pending("f")).length === 1);
    before.session.autosave.dispose();

    const after = await visit(server, userId);
    await after.session.open("f");
    after.stroke(4.5, 3.5);
    await settled(async () => (await reader.pending("f")).length === 2);
    expect(text((await after.journal.pending("f"))[0].map)).toEqual(PAINTED);
    await after.session.dropRecovered();
    expect(await after.journal.pending("f")).toEqual([]);
  });

  test("that did arrive, unheard, is not offered", async () => {
    const server = new Server();
    const userId = `u${++user}`;
    const before = await visit(server, userId);
    await before.session.open("f");
    before.stroke(1.5, 1.5);
    const reader = await Journal.open(userId);
    journals.push(reader);
    await settled(async () => (await reader.pending("f")).length === 1);
    before.session.autosave.dispose();
    server.masks.set("f", [drawn(...PAINTED)]);

    const after = await visit(server, userId);
    await after.session.open("f");
    expect(after.offers).toEqual([]);
    expect(await after.journal.pendingFrames()).toEqual([]);
  });

  test("that grew from an older revision is offered as outdated", async () => {
    const server = new Server();
    const userId = `u${++user}`;
    const before = await visit(server, userId);
    await before.session.open("f");
    before.stroke(1.5, 1.5);
    const reader = await Journal.open(userId);
    journals.push(reader);
    await settled(async () => (await reader.pending("f")).length === 1);
    before.session.autosave.dispose();
    server.masks.set("f", [drawn("222222", "......", "......", "......")]);

    const after = await visit(server, userId);
    await after.session.open("f");
    expect(after.offers[0]).toMatchObject({ isOutdated: true });
  });

  test("is nobody else's: another person on this device is offered nothing; wiping leaves nothing", async () => {
    const server = new Server();
    const userId = `u${++user}`;
    const before = await visit(server, userId);
    await before.session.open("f");
    before.stroke(1.5, 1.5);
    const reader = await Journal.open(userId);
    await settled(async () => (await reader.pending("f")).length === 1);
    const stranger = await Journal.open(`${userId}-other`);
    journals.push(stranger);
    expect(await stranger.pendingFrames()).toEqual([]);
    before.session.autosave.dispose();
    before.journal.close();
    await reader.wipe();
    const again = await Journal.open(userId);
    journals.push(again);
    expect(await again.pendingFrames()).toEqual([]);
  });
});

describe("going through the clip", () => {
  const order = ["a", "b", "c", "d", "e"].map((id) => ({ id, selected: id === "a" || id === "d" }));

  test("next and previous, among all and among the selected, are loaded ahead", async () => {
    const server = new Server();
    const { session } = await visit(server, `u${++user}`);
    session.setFrames(order);
    await session.open("b");
    await settled(() => server.loads.length === 4);
    expect(new Set(server.loads)).toEqual(new Set(["b", "c", "a", "d"]));
    const opening: string[] = [];
    session.on("opening", (frameId) => opening.push(frameId));
    expect(await session.step(1)).toBe(true);
    expect(session.frameId).toBe("c");
    expect(opening).toEqual([]);
    expect(await session.step(1, true)).toBe(true);
    expect(session.frameId).toBe("d");
    expect(await session.step(1, true)).toBe(false);
    expect(session.frameId).toBe("d");
  });

  test("work and its undo steps are still there when the frame is opened again", async () => {
    const server = new Server();
    const { session, stroke, shown } = await visit(server, `u${++user}`);
    session.setFrames(order);
    await session.open("b");
    stroke(1.5, 1.5);
    await session.step(1);
    await session.step(-1);
    expect(shown()).toEqual(PAINTED);
    expect(session.editor.getState().canUndo).toBe(true);
    expect(await session.autosave.saveNow("b")).toEqual({ kind: "saved", number: 1 });
    stroke(4.5, 3.5);
    expect(await session.autosave.saveNow("b")).toEqual({ kind: "saved", number: 2 });
  });

  test("of two frames asked for at once the last is opened", async () => {
    const server = new Server();
    const { session } = await visit(server, `u${++user}`);
    session.setFrames(order);
    const [first, second] = await Promise.all([session.open("a"), session.open("e")]);
    expect([first, second, session.frameId]).toEqual([false, true, "e"]);
  });

  test("a frame that cannot be had leaves the one before on the table", async () => {
    const server = new Server();
    const { session } = await visit(server, `u${++user}`);
    await session.open("a");
    server.isUp = false;
    const failures: string[] = [];
    session.on("failed", ({ frameId, error }) => failures.push(`${frameId}: ${error.message}`));
    expect(await session.open("z")).toBe(false);
    expect(failures).toEqual(["z: no network"]);
    expect(session.frameId).toBe("a");
  });

  test("a stroke under way is kept when another frame is asked for, and when one comes that was long asked for", async () => {
    const server = new Server();
    const { session } = await visit(server, `u${++user}`);
    session.setFrames(order);
    await session.open("a");
    const at = () => toScreen(session.editor.view, { x: 1.5, y: 1.5 });
    session.editor.pointerDown(at());
    const opening = session.open("b");
    expect(session.autosave.state("a").kind).toBe("unsaved");
    await opening;
    const slow = session.open("c");
    session.editor.pointerDown(at());
    await slow;
    session.editor.pointerUp(at());
    expect(session.autosave.unsavedMap("a") && text(session.autosave.unsavedMap("a") as Labelmap)).toEqual(
      PAINTED,
    );
    expect(session.autosave.unsavedMap("b") && text(session.autosave.unsavedMap("b") as Labelmap)).toEqual(
      PAINTED,
    );
    expect(session.autosave.unsavedMap("c")).toBeNull();
  });

  test("leaving the screen saves what was painted a moment ago", async () => {
    const server = new Server();
    const { session, stroke } = await visit(server, `u${++user}`);
    await session.open("a");
    stroke(1.5, 1.5);
    session.dispose();
    await settled(() => server.masks.has("a"));
    expect(text(server.masks.get("a")?.[0] as Labelmap)).toEqual(PAINTED);
  });

  test("leaving because somebody else signed in sends nothing: the work stays its painter's, on this device", async () => {
    const server = new Server();
    const userId = `u${++user}`;
    const { session, stroke } = await visit(server, userId);
    await session.open("a");
    stroke(1.5, 1.5);
    session.dispose({ send: false });
    const again = await visit(server, userId);
    await settled(async () => (await again.journal.pendingFrames()).length === 1);
    expect(await again.journal.pendingFrames()).toEqual(["a"]);
    expect(server.masks.size).toBe(0);
  });

  test("reload gives the server's mask and forgets mine", async () => {
    const server = new Server();
    const { session, stroke, shown, journal } = await visit(server, `u${++user}`);
    await session.open("a");
    server.masks.set("a", [drawn("222222", "222222", "......", "......")]);
    stroke(1.5, 1.5);
    expect((await session.autosave.saveNow("a")).kind).toBe("conflict");
    await session.reload();
    expect(shown()[0]).toBe("222222");
    expect(session.autosave.state("a")).toEqual({ kind: "saved", number: 1 });
    expect(await journal.pendingFrames()).toEqual([]);
  });

  test("a frame saved by another way is loaded anew, but what is not saved of it stays and is joined", async () => {
    const server = new Server();
    const { session, stroke, shown } = await visit(server, `u${++user}`);
    await session.open("f");
    const outdated: string[] = [];
    session.on("outdated", (frameId) => outdated.push(frameId));
    server.masks.set("f", [drawn("....2.", "......", "......", "......")]);
    await session.forget("f");
    expect(new Set(outdated)).toEqual(new Set(["f"]));
    expect(shown()[0]).toBe("....2.");
    stroke(1.5, 1.5);
    server.masks.set("f", [...(server.masks.get("f") ?? []), drawn("....22", "......", "......", "......")]);
    await session.forget("f");
    expect(shown()).toEqual(["....2.", ".1....", "......", "......"]);
    await session.autosave.saveNow("f");
    await settled(() => server.masks.get("f")?.length === 3);
    expect(shown()).toEqual(["....22", ".1....", "......", "......"]);
  });

  test("work that was taken back elsewhere is not waited for", async () => {
    const server = new Server();
    const { session, stroke, shown } = await visit(server, `u${++user}`);
    await session.open("a");
    stroke(1.5, 1.5);
    await session.autosave.saveNow("a");
    server.masks.delete("a");
    await session.reload();
    expect(shown()).toEqual(["......", "......", "......", "......"]);
    expect(session.autosave.state("a")).toEqual({ kind: "saved", number: 0 });
    expect(session.autosave.etag("a")).toBe("r0");
  });
});

describe("two people on one frame", () => {
  const THEIRS = ["222222", "......", "......", "......"];
  const BOTH = ["222222", ".1....", "......", "......"];

  test("what does not overlap is joined by itself, as one undo step, and saved on top of theirs", async () => {
    const server = new Server();
    const { session, stroke, shown, journal } = await visit(server, `u${++user}`);
    const merged: unknown[] = [];
    session.on("merged", (event) => merged.push(event));
    await session.open("a");
    server.masks.set("a", [drawn(...THEIRS)]);
    stroke(1.5, 1.5);
    await session.autosave.saveNow("a");
    await settled(() => session.autosave.state("a").kind === "saved");
    expect(server.masks.get("a")?.map(text)).toEqual([THEIRS, BOTH]);
    expect(shown()).toEqual(BOTH);
    expect(merged).toEqual([{ frameId: "a", author: "Ada", pixels: 6 }]);
    expect(await journal.pendingFrames()).toEqual([]);
    session.editor.undo();
    expect(shown()).toEqual(PAINTED);
  });

  test("a stroke under way is finished first and is in the merge", async () => {
    const server = new Server();
    const { session, stroke, shown } = await visit(server, `u${++user}`);
    await session.open("a");
    server.masks.set("a", [drawn(...THEIRS)]);
    stroke(1.5, 1.5);
    const at = toScreen(session.editor.view, { x: 4.5, y: 3.5 });
    session.editor.pointerDown(at);
    await session.autosave.saveNow("a");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(session.autosave.state("a").kind).toBe("conflict");
    session.editor.pointerUp(at);
    await settled(() => session.autosave.state("a").kind === "saved");
    expect(shown()).toEqual(["222222", ".1....", "......", "....1."]);
  });

  test("what overlaps waits for the person; the choice is saved with theirs as its parent", async () => {
    const server = new Server();
    const { session, stroke, shown } = await visit(server, `u${++user}`);
    const asked: string[] = [];
    session.on("choice", (frameId) => asked.push(frameId));
    await session.open("a");
    server.masks.set("a", [drawn("222222", "222222", "......", "......")]);
    stroke(1.5, 1.5);
    await session.autosave.saveNow("a");
    await settled(() => asked.length > 0);
    expect(session.needsChoice("a")).toBe(true);
    expect(server.masks.get("a")).toHaveLength(1);
    const conflict = await session.conflict("a");
    expect(conflict.merge.overlaps).toHaveLength(1);
    const map = resolve(conflict.merge, conflict.mine, conflict.theirs, ["mine"]);
    expect(await session.settle("a", conflict, map)).toEqual({ kind: "saved", number: 2 });
    expect(shown()).toEqual(["222222", "212222", "......", "......"]);
    expect(session.needsChoice("a")).toBe(false);
  });

  test("a frame left meanwhile is merged all the same, and shows it when opened again", async () => {
    const server = new Server();
    const { session, stroke, shown } = await visit(server, `u${++user}`);
    await session.open("a");
    server.masks.set("a", [drawn(...THEIRS)]);
    stroke(1.5, 1.5);
    await session.open("b");
    await session.autosave.saveNow("a");
    await settled(() => session.autosave.state("a").kind === "saved");
    expect(server.masks.get("a")?.map(text)).toEqual([THEIRS, BOTH]);
    await session.open("a");
    expect(shown()).toEqual(BOTH);
  });

  test("found work that grew from an older revision is merged when it is put back, its effort counted", async () => {
    const server = new Server();
    const userId = `u${++user}`;
    const before = await visit(server, userId);
    await before.session.open("f");
    before.session.touched("pointer");
    before.stroke(1.5, 1.5);
    const reader = await Journal.open(userId);
    journals.push(reader);
    await settled(async () => (await reader.pending("f")).length === 1);
    before.session.autosave.dispose();
    server.masks.set("f", [drawn(...THEIRS)]);

    const after = await visit(server, userId);
    await after.session.open("f");
    await after.session.takeRecovered();
    await settled(() => after.session.autosave.state("f").kind === "saved");
    expect(server.masks.get("f")?.map(text)).toEqual([THEIRS, BOTH]);
    expect(server.told[0]).toMatchObject({ strokes: 1, clicks: 1 });
  });
});
