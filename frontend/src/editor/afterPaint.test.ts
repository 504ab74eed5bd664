import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { afterPaint } from "./afterPaint";
import { Autosave } from "./autosave";
import type { WorkJournal } from "./journal";
import { Labelmap } from "./labelmap";
import { toRuns } from "./runs";
import type { SavePort } from "./saving";
import { EditorSession } from "./session";
import { drawn, LABELS, picture } from "./testing/support";

/** A page in sight; `paint` is one refresh of its screen. */
const page = { hidden: false };
let refresh: (() => void)[];
const paint = async () => {
  for (const callback of refresh.splice(0)) callback();
  // Messages are delivered in turns of their own.
  await new Promise((resolve) => setTimeout(resolve, 5));
};

/** What happened, in order. */
let said: string[];
const journal: WorkJournal = {
  async write({ runs }) {
    said.push(`kept ${runs.length} runs`);
  },
  async remove() {},
  async pending() {
    said.push("looked for lost work");
    return [];
  },
  close() {},
};
const saves: SavePort = {
  put: async () => ({ kind: "offline" }),
  base: async () => new Labelmap(6, 4),
  newest: async () => null,
};

beforeEach(() => {
  page.hidden = false;
  refresh = [];
  said = [];
  vi.stubGlobal("document", page);
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => refresh.push(callback));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("after the paint", () => {
  test("several calls before it are one, and calls after it wait for the next", async () => {
    const later = afterPaint(() => said.push("called"));
    later();
    later();
    expect(said).toEqual([]);
    await paint();
    expect(said).toEqual(["called"]);
    later();
    await paint();
    expect(said).toEqual(["called", "called"]);
  });

  test("a page out of sight is never painted: at once, or soon where it went meanwhile", async () => {
    const later = afterPaint(() => said.push("called"));
    later();
    await vi.waitFor(() => expect(said).toEqual(["called"]));
    page.hidden = true;
    later();
    expect(said).toEqual(["called", "called"]);
  });
});

describe("the copy on this device", () => {
  const pages: Autosave[] = [];
  const autosaving = () => {
    const autosave = new Autosave({ port: saves, journal, encode: async () => new Uint8Array(0) });
    autosave.opened("f", "r0", 0, "blank");
    pages.push(autosave);
    return autosave;
  };
  const step = (autosave: Autosave, row: string) => {
    const map = drawn(row);
    autosave.edited("f", map, () => {
      said.push(`read ${row}`);
      return toRuns(map);
    });
  };

  afterEach(() => {
    for (const autosave of pages.splice(0)) autosave.dispose();
  });

  test("is made once the step is painted; of two steps before that the newer one is kept", async () => {
    const autosave = autosaving();
    step(autosave, "1..");
    step(autosave, "1.1");
    expect(autosave.state("f").kind).toBe("unsaved");
    expect(autosave.unsavedFrames).toBe(1);
    expect(said).toEqual([]);
    await paint();
    expect(said).toEqual(["read 1.1", "kept 3 runs"]);
  });

  test("is made at once when the page may go, when the editor is left, and before anything is sent", async () => {
    const autosave = autosaving();
    step(autosave, "1..");
    autosave.keepAll();
    expect(said).toEqual(["read 1..", "kept 2 runs"]);
    step(autosave, "11.");
    await autosave.saveNow("f");
    expect(said.slice(2)).toEqual(["read 11.", "kept 2 runs"]);
    step(autosave, "111");
    autosave.dispose();
    expect(said.slice(4)).toEqual(["read 111", "kept 1 runs"]);
    await paint();
    expect(said).toHaveLength(6);
  });

  test("is not made of work that was discarded meanwhile", async () => {
    const autosave = autosaving();
    step(autosave, "1..");
    await autosave.discard("f");
    await paint();
    expect(said).toEqual([]);
  });

  test("what a frame opened again shows is the newest step, kept or not", () => {
    const autosave = autosaving();
    step(autosave, "1..");
    expect(autosave.unsavedMap("f")?.equals(drawn("1.."))).toBe(true);
  });
});

describe("opening a frame that is here", () => {
  test("shows it first and looks for lost work after it is painted", async () => {
    const frames = {
      load: async () => ({
        picture: picture(6, 4),
        map: new Labelmap(6, 4),
        etag: "r0",
        number: 0,
        origin: "blank",
      }),
    };
    const session = new EditorSession({ labels: LABELS, frames, saves, journal });
    session.setFrames([
      { id: "a", selected: true },
      { id: "b", selected: true },
    ]);
    session.on("opened", (id) => said.push(`opened ${id}`));
    await session.open("a");
    await new Promise((resolve) => setTimeout(resolve, 5)); // its neighbour is loaded ahead
    said = [];
    const opening = session.open("b");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(said).toEqual(["opened b"]);
    await paint();
    await opening;
    expect(said).toEqual(["opened b", "looked for lost work"]);
    session.dispose();
  });
});
