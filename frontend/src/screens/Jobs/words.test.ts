import { expect, it } from "vitest";
import type { Job } from "../../api/types";
import { jobProgress, jobWords } from "./words";

const JOB: Job = {
  id: 1,
  kind: "ingest",
  title: "Read frames",
  project: 1,
  state: "running",
  progress_done: 120,
  progress_total: 480,
  message: "",
  error: "",
  attempts: 1,
  cancel_requested: false,
  created_by: "ada",
  created_at: "2026-03-10T12:00:00Z",
  started_at: "2026-03-10T12:00:00Z",
  ended_at: null,
  seconds_left: 42,
};

it("says how far a running job is and how long still", () => {
  expect(jobWords(JOB)).toBe("120 of 480 · 25 % · 42 s left");
  expect(jobProgress(JOB)).toBe(0.25);
});

it("does not pretend to know how far a job is that cannot tell", () => {
  const silent = { ...JOB, progress_total: 0, seconds_left: null };
  expect([jobWords(silent), jobProgress(silent)]).toEqual(["Running", null]);
});

it("gives the reason of a job that was set aside", () => {
  const set = { ...JOB, state: "quarantined" as const, attempts: 3, error: "The worker ran out of memory." };
  expect(jobWords(set)).toBe("Set aside after 3 attempts. The worker ran out of memory.");
});
