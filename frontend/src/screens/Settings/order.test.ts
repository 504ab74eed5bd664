import { expect, it } from "vitest";
import { moved } from "./order";

it("puts an item where it was dropped, keeping the others in order", () => {
  expect(moved(["a", "b", "c", "d"], 0, 2)).toEqual(["b", "c", "a", "d"]);
  expect(moved(["a", "b", "c", "d"], 3, 0)).toEqual(["d", "a", "b", "c"]);
  expect(() => moved(["a"], 4, 0)).toThrow(RangeError);
});
