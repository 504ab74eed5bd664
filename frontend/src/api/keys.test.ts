import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { csrfToken, errorFrom, withQuery } from "./client";
import { ChangeGatherer } from "./events";
import { keys, type QueryKey, staleAfter } from "./keys";
import type { Change } from "./types";

/** Whether the cached answer under `key` is old after the change. */
function goesOld(change: Change, key: QueryKey): boolean {
  const client = new QueryClient();
  client.setQueryData(key, "cached");
  for (const queryKey of staleAfter(change)) void client.invalidateQueries({ queryKey, refetchType: "none" });
  return client.getQueryState(key)?.isInvalidated ?? false;
}

describe("what a change makes old", () => {
  it("a clip's own list, whatever its filter, and not another project's", () => {
    const change: Change = { kind: "clip", id: 5, project: 2 };
    expect(goesOld(change, keys.clips(2, { state: "ready" }))).toBe(true);
    expect(goesOld(change, keys.clip(5))).toBe(true);
    expect(goesOld(change, keys.frames(5, {}))).toBe(true);
    expect(goesOld(change, keys.clips(3))).toBe(false);
    expect(goesOld(change, keys.clip(6))).toBe(false);
  });

  it("the queues and numbers of a project when one of its frames changes", () => {
    const change: Change = { kind: "frame", id: 9, project: 2 };
    for (const key of [keys.frame(9), keys.queue(2, "review"), keys.stats(2), keys.masks(44)])
      expect(goesOld(change, key)).toBe(true);
    expect(goesOld(change, keys.frame(10))).toBe(false);
  });

  it("who is test, in the list of subjects and in the next version, when a subject changes or a version is frozen", () => {
    for (const kind of ["subject", "dataset"] as const)
      for (const key of [keys.subjects(2), keys.datasetPreview(2, { test: 0.2 })])
        expect(goesOld({ kind, id: 1, project: 2 }, key)).toBe(true);
  });

  it("every list of jobs, since one page shows them all", () => {
    expect(goesOld({ kind: "job", id: 1, project: 2 }, keys.jobs(null))).toBe(true);
    expect(goesOld({ kind: "job", id: 1, project: 2 }, keys.jobs(2))).toBe(true);
  });

  it("the champion shown with a project when a model changes", () => {
    expect(goesOld({ kind: "model", id: 1, project: 2 }, keys.project(2))).toBe(true);
  });
});

describe("a burst of changes", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("asks for each stale key once", () => {
    const flushed: QueryKey[][] = [];
    const gatherer = new ChangeGatherer((some) => flushed.push(some), 100);
    for (let id = 1; id <= 50; id += 1) gatherer.add({ kind: "frame", id, project: 2 });
    vi.advanceTimersByTime(100);
    expect(flushed).toHaveLength(1);
    expect(flushed[0]?.filter(([kind]) => kind === "queue")).toEqual([["queue", 2]]);
    expect(flushed[0]?.filter(([kind]) => kind === "frame")).toHaveLength(50);
  });
});

describe("the door to the server", () => {
  it("reads the token out of the cookies", () => {
    expect(csrfToken("theme=dark; csrftoken=abc%3D1; x=y")).toBe("abc=1");
    expect(csrfToken("")).toBe("");
  });

  it("leaves empty query values out", () => {
    expect(withQuery("/api/x", { a: 1, b: null, c: "", d: false })).toBe("/api/x?a=1&d=false");
    expect(withQuery("/api/x?a=1", { b: "ü" })).toBe("/api/x?a=1&b=%C3%BC");
  });

  it("keeps the server's words, and makes some where a proxy answered", () => {
    const ours = errorFrom(
      412,
      '{"error": {"code": "stale_revision", "message": "Newer.", "detail": {"number": 3}}}',
    );
    expect([ours.status, ours.code, ours.message, ours.detail.number]).toEqual([
      412,
      "stale_revision",
      "Newer.",
      3,
    ]);
    expect(errorFrom(502, "<html>Bad gateway</html>").code).toBe("server_error");
  });
});
