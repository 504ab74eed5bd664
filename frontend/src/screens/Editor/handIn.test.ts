import { expect, test } from "vitest";
import { ApiError } from "../../api/client";
import { EditorSession, Labelmap, NoJournal } from "../../editor";
import { toScreen } from "../../editor/transform";
import { isStillAt, judgeSeen, newerOf, submitSeen, takeDraft } from "./handIn";

/** A server that keeps what it is told, in order. */
function server() {
  const told: unknown[][] = [];
  const post = async <T>(path: string, body?: unknown, options?: object) => {
    told.push([path, body, options]);
    return undefined as T;
  };
  return { told, post };
}

const ACCEPT = { verdict: "accepted" as const, comment: "", points: [] };

test("a verdict is about the revision on the screen", async () => {
  const { told, post } = server();
  await judgeSeen(post, 9, ACCEPT, { save: async () => 4, isCorrected: () => false });
  expect(told).toEqual([
    ["/api/frames/9/review", { verdict: "accepted", comment: "", points: [], revision: 4 }, undefined],
  ]);
});

test("a reviewer's own strokes are saved and submitted before they are accepted", async () => {
  const { told, post } = server();
  let corrected = false;
  const save = async () => {
    corrected = true;
    told.push(["save"]);
    return 5;
  };
  await judgeSeen(post, 9, ACCEPT, { save, isCorrected: () => corrected });
  expect(told).toEqual([
    ["save"],
    ["/api/frames/9/submit", undefined, { headers: { "If-Match": '"r5"' } }],
    ["/api/frames/9/review", { verdict: "accepted", comment: "", points: [], revision: 5 }, undefined],
  ]);
});

test("nothing is decided where the strokes could not be saved", async () => {
  const { told, post } = server();
  const save = async () => {
    throw new Error("offline");
  };
  await expect(judgeSeen(post, 9, ACCEPT, { save, isCorrected: () => true })).rejects.toThrow("offline");
  expect(told).toEqual([]);
});

test("pins without words are not sent", async () => {
  const { told, post } = server();
  const points = [
    { x: 1, y: 2, text: " " },
    { x: 3, y: 4, text: "here" },
  ];
  const returned = { verdict: "returned" as const, comment: "see pin", points };
  await judgeSeen(post, 9, returned, { save: async () => 1, isCorrected: () => false });
  expect(told[0][1]).toMatchObject({ points: [{ x: 3, y: 4, text: "here" }] });
});

test("submitting names the revision that was seen", async () => {
  const { told, post } = server();
  await submitSeen(post, 9, 1);
  expect(told).toEqual([["/api/frames/9/submit", undefined, { headers: { "If-Match": '"r1"' } }]]);
});

test("a refusal tells what is newer", () => {
  const stale = new ApiError(412, "stale_revision", "…", { number: 2, author: "bea" });
  expect(newerOf(stale)).toEqual({ number: 2, author: "bea" });
  expect(newerOf(new ApiError(409, "accepted", "…"))).toBeNull();
});

/** A person with frame "a" of four pixels on the table, a neighbour "b", and a draft that comes when it is let go. */
async function waitingForDraft() {
  const picture = { width: 2, height: 2, greys: new Uint8Array(4), close: () => undefined };
  const session = new EditorSession({
    labels: [{ index: 1, name: "dura", color: "#56b4e9" }],
    frames: {
      load: async () => ({ picture, map: new Labelmap(2, 2), etag: "r0", number: 0, origin: "blank" }),
    },
    saves: {
      put: async () => ({ kind: "offline" }),
      base: async () => new Labelmap(2, 2),
      newest: async () => null,
    },
    journal: new NoJournal(),
  });
  session.editor.setViewport({ width: 200, height: 200 });
  session.editor.setBrushSize(1);
  await session.open("a");
  const told: string[] = [];
  let come: () => void = () => undefined;
  const draft = new Promise<Labelmap>((resolve) => {
    come = () => resolve(new Labelmap(2, 2, Uint8Array.of(1, 1, 0, 0)));
  });
  const taken = takeDraft(
    session,
    "a",
    () => draft,
    () => told.push("told"),
  );
  const pixels = () => [...(session.editor.openFrame?.document.labelmap.data ?? [])];
  const at = () => toScreen(session.editor.view, { x: 0.5, y: 1.5 });
  return { session, come, taken, told, pixels, at };
}

test("a draft is taken as one step", async () => {
  const { session, come, taken, told, pixels } = await waitingForDraft();
  come();
  expect(await taken).toBe("replaced");
  expect(pixels()).toEqual([1, 1, 0, 0]);
  expect(told).toEqual(["told"]);
  session.editor.undo();
  expect(pixels()).toEqual([0, 0, 0, 0]);
});

test("a draft that comes late is put over no other frame", async () => {
  const { session, come, taken, told, pixels } = await waitingForDraft();
  await session.open("b");
  come();
  expect(await taken).toBe("moved");
  expect(pixels()).toEqual([0, 0, 0, 0]);
  expect(told).toEqual([]);
  expect(session.autosave.unsavedFrames).toBe(0);
});

test("nor over what was drawn meanwhile, nor over a stroke under way", async () => {
  const drawn = await waitingForDraft();
  drawn.session.editor.pointerDown(drawn.at());
  drawn.session.editor.pointerUp(drawn.at());
  drawn.come();
  expect(await drawn.taken).toBe("moved");
  expect(drawn.pixels()).toEqual([0, 0, 1, 0]);

  const drawing = await waitingForDraft();
  drawing.session.editor.pointerDown(drawing.at());
  drawing.come();
  expect(await drawing.taken).toBe("moved");
  drawing.session.editor.pointerUp(drawing.at());
  expect(drawing.pixels()).toEqual([0, 0, 1, 0]);
});

test("who went elsewhere, or draws, is not taken on to another frame", async () => {
  const { session, at } = await waitingForDraft();
  expect(isStillAt(session, "a")).toBe(true);
  session.editor.pointerDown(at());
  expect(isStillAt(session, "a")).toBe(false);
  session.editor.pointerUp(at());
  expect(isStillAt(session, "a")).toBe(true);
  const opening = session.open("b");
  expect(isStillAt(session, "a")).toBe(false);
  await opening;
  expect(isStillAt(session, "b")).toBe(true);
});
