import { describe, expect, it } from "vitest";
import type { QueueItem } from "../../api/types";
import { currentIndex, START, targets, type WallState, wallReducer, worstFirst } from "./wall";

const item = (id: number, uncertainty: number | null): QueueItem => ({
  frame: {
    id,
    index: id,
    time_us: 0,
    selected: true,
    state: "submitted",
    uncertainty,
    disagreement: null,
    offset: 0,
    length: 1,
  },
  clip: { id: 1, number: 1, subject: { id: 1, pseudonym: "S1" }, width: 64, height: 48 },
});
const SHOWN = [10, 20, 30, 40];

describe("worstFirst", () => {
  it("puts the least sure first and the unknown last", () => {
    const sorted = worstFirst([item(1, 0.2), item(2, null), item(3, 0.9), item(4, 0)], "uncertainty");
    expect(sorted.map(({ frame }) => frame.id)).toEqual([3, 1, 4, 2]);
  });
  it("puts the most changed first when asked for changes", () => {
    const changed = (id: number, disagreement: number | null) => {
      const one = item(id, 0.5);
      return { ...one, frame: { ...one.frame, disagreement } };
    };
    const sorted = worstFirst([changed(1, 0.01), changed(2, null), changed(3, 0.4)], "disagreement");
    expect(sorted.map(({ frame }) => frame.id)).toEqual([3, 1, 2]);
  });
});

describe("the cursor", () => {
  it("moves and stops at both ends", () => {
    const moved = wallReducer(START, { do: "move", by: 1, shown: SHOWN });
    expect(moved.cursor).toBe(20);
    expect(wallReducer(moved, { do: "move", by: -9, shown: SHOWN }).cursor).toBe(10);
    expect(wallReducer(moved, { do: "move", by: 9, shown: SHOWN }).cursor).toBe(40);
  });
  it("goes to the next frame that stays when some are judged", () => {
    const state: WallState = { ...START, cursor: 20, picked: new Set([20, 30]) };
    const after = wallReducer(state, { do: "judged", frames: [20, 30], shown: SHOWN });
    expect(after.cursor).toBe(40);
    expect([...after.picked]).toEqual([]);
    expect([...after.gone]).toEqual([20, 30]);
  });
  it("goes back when the last is judged, and to nothing when all are", () => {
    const last = wallReducer({ ...START, cursor: 40 }, { do: "judged", frames: [40], shown: SHOWN });
    expect(last.cursor).toBe(30);
    expect(wallReducer(START, { do: "judged", frames: SHOWN, shown: SHOWN }).cursor).toBeNull();
  });
  it("stays on its frame when the list gets shorter before it", () => {
    expect(currentIndex({ ...START, cursor: 30 }, [20, 30])).toBe(1);
    expect(currentIndex({ ...START, cursor: 99 }, SHOWN)).toBe(0);
  });
});

describe("a wall one comes back to", () => {
  it("has its cursor and picks, but for frames that are gone", () => {
    const left: WallState = { ...START, cursor: 20, picked: new Set([10, 20, 40]), listed: SHOWN };
    const back = wallReducer(left, { do: "listed", frames: [10, 30, 40, 50] });
    expect(back.cursor).toBe(30);
    expect([...back.picked]).toEqual([10, 40]);
    expect(wallReducer({ ...left, cursor: 40 }, { do: "listed", frames: [10, 20] }).cursor).toBe(20);
    expect(wallReducer(left, { do: "listed", frames: SHOWN })).toMatchObject({
      cursor: 20,
      picked: left.picked,
    });
    expect(wallReducer(left, { do: "listed", frames: [] })).toMatchObject({
      cursor: null,
      picked: new Set(),
    });
  });
  it("leads past frames judged meanwhile", () => {
    const judged: WallState = { ...START, cursor: 20, gone: new Set([30]), listed: SHOWN };
    expect(wallReducer(judged, { do: "listed", frames: [10, 30, 40] }).cursor).toBe(40);
  });
  it("begins with the worst when its order changes, and keeps the picks", () => {
    const left: WallState = { ...START, cursor: 20, picked: new Set([40]), listed: SHOWN };
    const other = wallReducer(left, { do: "order", by: "disagreement" });
    expect(other).toMatchObject({ order: "disagreement", cursor: null });
    expect([...other.picked]).toEqual([40]);
  });
});

describe("a refused verdict", () => {
  it("brings the frame back, under the cursor", () => {
    const judged = wallReducer({ ...START, cursor: 10 }, { do: "judged", frames: [10], shown: SHOWN });
    const back = wallReducer(judged, { do: "refused", frames: [10] });
    expect([...back.gone]).toEqual([]);
    expect(back.cursor).toBe(10);
  });
});

describe("picking", () => {
  it("picks everything between the cursor and the card, whichever comes first", () => {
    const down = wallReducer({ ...START, cursor: 20 }, { do: "range", to: 40, shown: SHOWN });
    expect([...down.picked]).toEqual([20, 30, 40]);
    const up = wallReducer({ ...START, cursor: 30 }, { do: "range", to: 10, shown: SHOWN });
    expect([...up.picked]).toEqual([10, 20, 30]);
    expect(up.cursor).toBe(10);
  });
  it("picks all that is shown, and nothing that left the wall", () => {
    const all = wallReducer({ ...START, picked: new Set([99]) }, { do: "all", shown: SHOWN });
    expect([...all.picked]).toEqual(SHOWN);
  });
});

describe("targets", () => {
  it("is what is picked, in the order shown, else the frame under the cursor", () => {
    expect(targets({ ...START, cursor: 30, picked: new Set([40, 20]) }, SHOWN)).toEqual([20, 40]);
    expect(targets({ ...START, cursor: 30 }, SHOWN)).toEqual([30]);
    expect(targets(START, [])).toEqual([]);
  });
});

describe("a frame judged here", () => {
  it("is shown again once the server has dropped it from its list and lists it anew", () => {
    const judged = wallReducer(START, { do: "judged", frames: [10], shown: SHOWN });
    expect([...wallReducer(judged, { do: "listed", frames: SHOWN }).gone]).toEqual([10]);
    expect([...wallReducer(judged, { do: "listed", frames: [20] }).gone]).toEqual([]);
  });
});

describe("verdicts taken back", () => {
  const first = { verdict: "accepted", reviews: [7] } as const;
  const second = { verdict: "returned", reviews: [8, 9] } as const;

  it("are the newest, one after the other", () => {
    const given = [first, second].reduce(
      (state, judged) => wallReducer(state, { do: "given", judged }),
      START,
    );
    expect(given.judged.at(-1)).toBe(second);
    const taking = wallReducer(given, { do: "takingBack", judged: second });
    expect(taking.judged.at(-1)).toBe(first);
    expect(wallReducer(taking, { do: "given", judged: second }).judged.at(-1)).toBe(second);
  });
  it("bring their frames back, under the cursor, and picked where they were several", () => {
    const judged: WallState = { ...START, cursor: 40, gone: new Set([10, 20]), picked: new Set([30]) };
    const both = wallReducer(judged, { do: "takenBack", frames: [10, 20] });
    expect(both.cursor).toBe(10);
    expect([...both.gone]).toEqual([]);
    expect([...both.picked]).toEqual([30, 10, 20]);
    expect([...wallReducer(judged, { do: "takenBack", frames: [10] }).picked]).toEqual([30]);
  });
  it("change nothing where all are refused", () => {
    expect(wallReducer({ ...START, cursor: 40 }, { do: "takenBack", frames: [] }).cursor).toBe(40);
  });
});
