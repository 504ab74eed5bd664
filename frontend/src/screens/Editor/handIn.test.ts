import { expect, test } from "vitest";
import { ApiError } from "../../api/client";
import { judgeSeen, newerOf, submitSeen } from "./handIn";

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
