import { expect, test } from "vitest";
import { reasons, takenBack } from "./useCarry";

const frames = [4, 5, 6, 7].map((index) => ({ id: 10 * index, index }));
const saved = frames.map(({ id }) => ({ frame: id, revision: 1 }));

test("what was taken back is counted, and what was worked on since is named as people count frames", () => {
  expect(takenBack(saved, [], frames)).toBe("4 frames taken back.");
  expect(takenBack(saved, [{ frame: 50, message: "" }], frames)).toBe(
    "3 frames taken back. Worked on since, and left as it is: frame 6.",
  );
  const two = [50, 70].map((frame) => ({ frame, message: "" }));
  expect(takenBack(saved, two, frames)).toBe(
    "2 frames taken back. Worked on since, and left as it is: frames 6, 8.",
  );
});

test("what was refused is named frame by frame, those with one reason together", () => {
  const why = [50, 60].map((frame) => ({ frame, message: "Worked on since." }));
  expect(reasons([...why, { frame: 40, message: "Gone." }], frames)).toBe(
    " Frames 6, 7: Worked on since. Frame 5: Gone.",
  );
  expect(reasons([], frames)).toBe("");
});
