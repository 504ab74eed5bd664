import type { Job } from "../../api/types";
import { count, duration, percent } from "../../ui/format";

/** 0..1, or null while nobody can tell. */
export function jobProgress(job: Job): number | null {
  if (job.state === "done") return 1;
  return job.progress_total > 0 ? job.progress_done / job.progress_total : null;
}

export const isAtWork = (job: Job) => job.state === "queued" || job.state === "running";

/** One line on where a job stands. */
export function jobWords(job: Job): string {
  switch (job.state) {
    case "queued":
      return job.attempts > 0 ? "Waiting for another attempt" : "Waiting for a worker";
    case "running": {
      if (job.cancel_requested) return "Stopping";
      const said = job.message ? [job.message] : [];
      if (job.progress_total > 0)
        said.push(
          `${count(job.progress_done)} of ${count(job.progress_total)}`,
          percent(job.progress_done, job.progress_total),
        );
      if (job.seconds_left !== null) said.push(`${duration(job.seconds_left)} left`);
      return said.join(" · ") || "Running";
    }
    case "done":
      return job.message || "Done";
    case "cancelled":
      return "Cancelled";
    case "failed":
      return job.error || "Failed without a reason";
    case "quarantined":
      return `Set aside after ${job.attempts} attempts. ${job.error}`.trim();
  }
}
