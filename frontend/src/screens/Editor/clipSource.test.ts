import { describe, expect, it } from "vitest";
import { fromBase64, sliceOf } from "./clipSource";

describe("sliceOf", () => {
  it("spans all frames, whatever their order in the pack", () => {
    expect(
      sliceOf([
        { offset: 100, length: 50 },
        { offset: 0, length: 100 },
        { offset: 150, length: 7 },
      ]),
    ).toEqual({
      offset: 0,
      length: 157,
    });
  });
});

describe("fromBase64", () => {
  it("gives every byte back", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(fromBase64(btoa(String.fromCharCode(...bytes)))).toEqual(bytes);
  });
});
