import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/client";
import { numberOf, saveAnswerOf } from "./ports";

describe("numberOf", () => {
  it("reads the revision out of the ETag, weakened by a proxy or not", () => {
    expect([numberOf('"r0"'), numberOf('"r12"'), numberOf('W/"r7"')]).toEqual([0, 12, 7]);
  });
  it("refuses what is no revision, rather than saving over something unknown", () => {
    expect(() => numberOf(null)).toThrow(/none/);
    expect(() => numberOf('"abc"')).toThrow(/abc/);
  });
});

describe("saveAnswerOf", () => {
  it("tells who saved meanwhile", () => {
    const stale = new ApiError(412, "stale_revision", "…", {
      number: 13,
      author: "jonas",
      at: "2026-01-01T00:00:00Z",
    });
    expect(saveAnswerOf(stale)).toEqual({
      kind: "stale",
      number: 13,
      author: "jonas",
      at: "2026-01-01T00:00:00Z",
    });
  });
  it("keeps trying when the server is away, and does not when it says no", () => {
    const kinds = [0, 503, 429, 401, 400, 403, 404].map(
      (status) => saveAnswerOf(new ApiError(status, "x", "no")).kind,
    );
    expect(kinds).toEqual(["offline", "offline", "offline", "signedOut", "refused", "refused", "refused"]);
  });
  it("lets a fault of ours through", () => {
    expect(() => saveAnswerOf(new TypeError("bug"))).toThrow("bug");
  });
});
