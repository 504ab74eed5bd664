import { describe, expect, it } from "vitest";
import type { Frame, Revision } from "../../api/types";
import { nextAgainst, selectedAround } from "./useLayers";
import { previousVersion } from "./versions";

const revision = (number: number, author: string, judged = false) =>
  ({ number, author, reviews: judged ? [{}] : [] }) as unknown as Revision;

describe("previousVersion", () => {
  it("is the last that was judged, whoever saved since", () => {
    const found = previousVersion([
      revision(4, "ann"),
      revision(3, "bob"),
      revision(2, "ann", true),
      revision(1, "ann"),
    ]);
    expect(found?.number).toBe(2);
  });
  it("is not one whose verdict was taken back", () => {
    const undone = {
      ...revision(2, "ann"),
      reviews: [{ taken_back_at: "2026-11-28T20:00:00Z" }],
    } as Revision;
    expect(previousVersion([revision(3, "ann"), undone, revision(1, "bob")])?.number).toBe(1);
  });
  it("is the last of another person where nothing was judged", () => {
    expect(previousVersion([revision(3, "ann"), revision(2, "ann"), revision(1, "bob")])?.number).toBe(1);
  });
  it("is the first where one person did all, and nothing where there is one or none", () => {
    expect(previousVersion([revision(3, "ann"), revision(2, "ann"), revision(1, "ann")])?.number).toBe(1);
    expect(previousVersion([revision(1, "ann")])).toBeNull();
    expect(previousVersion([])).toBeNull();
  });
});

describe("nextAgainst", () => {
  it("goes round what there is", () => {
    expect(nextAgainst("nothing", true, true)).toBe("draft");
    expect(nextAgainst("draft", true, true)).toBe("previous");
    expect(nextAgainst("previous", true, true)).toBe("nothing");
    expect(nextAgainst("nothing", false, true)).toBe("previous");
    expect(nextAgainst("nothing", false, false)).toBe("nothing");
  });
});

describe("selectedAround", () => {
  const frame = (id: number, selected: boolean) => ({ id, selected }) as Frame;
  const frames = [frame(1, true), frame(2, false), frame(3, true), frame(4, false), frame(5, true)];
  it("skips context frames on both sides", () => {
    const { before, after } = selectedAround(frames, 3);
    expect([before?.id, after?.id]).toEqual([1, 5]);
    expect(selectedAround(frames, 1).before).toBeNull();
    expect(selectedAround(frames, 99)).toEqual({ before: null, after: null });
  });
});
