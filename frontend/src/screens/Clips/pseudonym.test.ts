import { expect, test } from "vitest";
import { pseudonymProblem } from "./pseudonym";

test.each(["", "S014", "Phantom 01", "s_1.a-b", "Änne 2", "  S1  "])("%j may be sent", (name) => {
  expect(pseudonymProblem(name)).toBeNull();
});

test.each(["s 001/", "../x", "-S1", "_S1", "a\u0000b", "x".repeat(65), "S1?"])(
  "%j is told at once",
  (name) => {
    expect(pseudonymProblem(name)).toContain("Letters, digits");
  },
);
