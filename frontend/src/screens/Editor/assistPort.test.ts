import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/client";
import { boxOf, refusalOf, told } from "./assistPort";

describe("told", () => {
  it("sends clicks and scribbles in order, and of boxes the newest, corners sorted", () => {
    const at = (x: number, y: number) => ({ x, y });
    expect(
      told([
        { kind: "click", at: at(3.5, 4), positive: false },
        { kind: "box", from: at(0, 0), to: at(2, 2) },
        { kind: "scribble", points: [at(1, 1), at(2, 2)], positive: true },
        { kind: "box", from: at(9, 2), to: at(4, 8) },
      ]),
    ).toEqual({
      clicks: [{ x: 3.5, y: 4, positive: false }],
      scribbles: [
        {
          points: [
            [1, 1],
            [2, 2],
          ],
          positive: true,
        },
      ],
      box: [4, 2, 9, 8],
    });
    expect(told([{ kind: "click", at: at(1, 1), positive: true }])).not.toHaveProperty("box");
  });
});

describe("boxOf", () => {
  it("reads where anything may have changed", () => {
    expect(boxOf("3,4,10,6")).toEqual({ x: 3, y: 4, width: 7, height: 2 });
    expect(boxOf("0,0,0,0")).toBeNull();
    expect(() => boxOf(null)).toThrow(/none/);
    expect(() => boxOf("1,2,x,4")).toThrow(/x/);
  });
});

describe("refusalOf", () => {
  it("keeps the clicks where nobody answered, and says why where the server says no", () => {
    expect(refusalOf(new ApiError(503, "no_answer", "No answer in 5 s."))).toEqual({
      kind: "busy",
      message: "No answer in 5 s. Your clicks are kept.",
    });
    const kinds = [0, 429, 500, 401, 400, 404, 409].map(
      (status) => refusalOf(new ApiError(status, "x", "no")).kind,
    );
    expect(kinds).toEqual(["busy", "busy", "busy", "busy", "refused", "refused", "refused"]);
    expect(refusalOf(new DOMException("late", "TimeoutError")).kind).toBe("busy");
  });
  it("lets a fault of ours through", () => {
    expect(() => refusalOf(new TypeError("bug"))).toThrow("bug");
  });
});
