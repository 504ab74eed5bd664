import { describe, expect, it } from "vitest";
import { keyMapFor } from "./keys";

describe("keyMapFor", () => {
  it("binds each label's own digit to its place in the list", () => {
    const map = keyMapFor([{ key: "3" }, { key: "" }, { key: "0" }]);
    expect(map["3"]).toEqual({ tap: "label.1" });
    expect(map["0"]).toEqual({ tap: "label.3", hold: "view.fit", late: true });
  });
  it("leaves digits of no label without a meaning, but 0 still fits when held", () => {
    const map = keyMapFor([{ key: "3" }]);
    expect(map["1"]).toBeUndefined();
    expect(map["0"]).toEqual({ hold: "view.fit", late: true });
  });
  it("gives a digit that two labels claim to the first of them", () => {
    expect(keyMapFor([{ key: "2" }, { key: "2" }])["2"]).toEqual({ tap: "label.1" });
  });
  it("leaves all other keys alone", () => {
    expect(keyMapFor([]).b).toEqual({ tap: "tool.brush" });
  });
});
