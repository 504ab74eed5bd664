import { describe, expect, it } from "vitest";
import { Labelmap } from "../../editor";
import { changes, ERASED, limiter, resized } from "./thumbnail";

describe("resized", () => {
  it("keeps indices as they are, whatever the size", () => {
    const map = new Labelmap(4, 2, Uint8Array.from([1, 1, 9, 9, 1, 1, 9, 9]));
    expect([...resized(map, 2, 1).data]).toEqual([1, 9]);
    expect([...resized(map, 4, 2).data]).toEqual([...map.data]);
    expect(new Set(resized(map, 7, 3).data)).toEqual(new Set([1, 9]));
  });
});

describe("limiter", () => {
  it("never runs more at once than it may, and runs all", async () => {
    const limited = limiter(2);
    let now = 0;
    let most = 0;
    const work = async (value: number) => {
      most = Math.max(most, ++now);
      await Promise.resolve();
      await Promise.resolve();
      now--;
      return value;
    };
    const values = await Promise.all([1, 2, 3, 4, 5].map((value) => limited(() => work(value))));
    expect(values).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });
  it("goes on after work that failed, and never starts work aborted while it waited", async () => {
    const limited = limiter(1);
    const abort = new AbortController();
    const failed = limited(() => Promise.reject(new Error("no")));
    let started = false;
    const aborted = limited(async () => {
      started = true;
    }, abort.signal);
    abort.abort();
    await expect(failed).rejects.toThrow("no");
    await expect(aborted).rejects.toThrow();
    expect(started).toBe(false);
    await expect(limited(() => Promise.resolve("next"))).resolves.toBe("next");
  });
});

describe("changes", () => {
  it("keeps the label where a person changed the draft, and names what was erased", () => {
    const draft = new Labelmap(4, 1, Uint8Array.from([1, 1, 0, 2]));
    const map = new Labelmap(4, 1, Uint8Array.from([1, 0, 3, 2]));
    expect([...changes(map, draft).data]).toEqual([0, ERASED, 3, 0]);
  });
});
