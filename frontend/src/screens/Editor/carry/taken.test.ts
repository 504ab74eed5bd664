import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepTaken, takenGroups } from "./taken";

let kept: Map<string, string>;

beforeEach(() => {
  kept = new Map();
  vi.stubGlobal("sessionStorage", {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => kept.set(name, text),
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test("groups are there again after the page was loaded again, each clip's its own, and each person's", () => {
  keepTaken(5, 1, [[{ frame: 7, revision: 1 }], [{ frame: 8, revision: 2 }]]);
  expect(takenGroups(5, 1).at(-1)).toEqual([{ frame: 8, revision: 2 }]);
  expect(takenGroups(5, 2)).toEqual([]);
  expect(takenGroups(6, 1)).toEqual([]);
});

test("what is damaged is nothing, and a browser that keeps nothing is no fault", () => {
  kept.set("sonoloop-carried-5-1", "{");
  expect(takenGroups(5, 1)).toEqual([]);
  vi.stubGlobal("sessionStorage", {
    getItem: () => null,
    setItem: () => {
      throw new Error("QuotaExceededError");
    },
  });
  expect(() => keepTaken(5, 1, [[{ frame: 7, revision: 1 }]])).not.toThrow();
});
