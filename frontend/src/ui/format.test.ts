import { expect, it } from "vitest";
import { bytes, clipLength, count, duration, percent, plural, score, timeAgo } from "./format";

it("groups thousands without a comma or a point", () => {
  expect([count(0), count(999), count(1240), count(1234567)]).toEqual([
    "0",
    "999",
    "1\u202f240",
    "1\u202f234\u202f567",
  ]);
  expect([plural(1, "frame"), plural(1240, "frame"), plural(2, "person", "people")]).toEqual([
    "1 frame",
    "1\u202f240 frames",
    "2 people",
  ]);
});

it("writes a Dice score as people compare them", () => {
  expect([score(0.9142), score(-0.02, 2), score(1), score(0)]).toEqual([".914", "-.02", "1.000", ".000"]);
});

it("says neither nothing nor all before it is so", () => {
  expect([percent(1, 10_000), percent(9_999, 10_000), percent(3, 3), percent(0, 0)]).toEqual([
    "1 %",
    "99 %",
    "100 %",
    "0 %",
  ]);
});

it("shows bytes in steps of a thousand", () => {
  expect([bytes(0), bytes(999), bytes(1000), bytes(12_300_000), bytes(999_700)]).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "12 MB",
    "1.0 MB",
  ]);
});

it("says how long in the largest unit that says enough", () => {
  expect([duration(40), duration(725), duration(3600), duration(12_000)]).toEqual([
    "40 s",
    "12 min",
    "1 h",
    "3 h 20",
  ]);
  expect([clipLength(4.23), clipLength(42), clipLength(75)]).toEqual(["4.2 s", "42 s", "1:15"]);
});

it("says how long ago", () => {
  const now = new Date("2026-03-10T12:00:00Z");
  const ago = (text: string) => timeAgo(text, now);
  expect(ago("2026-03-10T11:59:50Z")).toBe("just now");
  expect(ago("2026-03-10T11:56:00Z")).toBe("4 min ago");
  expect(ago("2026-03-10T09:00:00Z")).toBe("3 h ago");
  expect(ago("2026-03-09T08:00:00Z")).toBe("yesterday");
  expect(ago("2026-03-05T12:00:00Z")).toBe("5 days ago");
  expect(ago("2025-12-24T12:00:00Z")).toBe("24 Dec 2025");
});
