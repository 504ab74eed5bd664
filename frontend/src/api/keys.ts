import type { Change } from "./types";

/**
 * Query keys: `[kind, id or projectId, …]`. A list is a plural kind with its project's id, a thing a singular
 * kind with its own id. What hangs on a clip or frame (its masks, its revisions) carries that id.
 */
export type QueryKey = readonly [kind: string, ...rest: readonly unknown[]];

export const keys = {
  me: ["me"] as const,
  tokens: ["tokens"] as const,
  presets: ["presets"] as const,
  projects: ["projects"] as const,
  project: (id: number) => ["project", id] as const,
  stats: (project: number) => ["stats", project] as const,
  effort: (project: number) => ["effort", project] as const,
  members: (project: number) => ["members", project] as const,
  subjects: (project: number) => ["subjects", project] as const,
  audit: (project: number) => ["audit", project] as const,
  clips: (project: number, filter: Record<string, string | null> = {}) => ["clips", project, filter] as const,
  clip: (id: number) => ["clip", id] as const,
  /** Frames of a clip. */
  frames: (clip: number, filter: Record<string, string | null> = {}) => ["frames", clip, filter] as const,
  /** Masks of a clip, by frame index. */
  masks: (clip: number) => ["masks", clip] as const,
  frame: (id: number) => ["frame", id] as const,
  revisions: (frame: number) => ["revisions", frame] as const,
  queue: (project: number, role: "annotate" | "review") => ["queue", project, role] as const,
  /** Of no answer: how a person left the review wall. */
  wall: (project: number, user: number) => ["wall", project, user] as const,
  datasets: (project: number) => ["datasets", project] as const,
  dataset: (id: number) => ["dataset", id] as const,
  datasetPreview: (project: number, split: Record<string, number>) =>
    ["dataset-preview", project, split] as const,
  export: (id: number) => ["export", id] as const,
  runs: (project: number) => ["runs", project] as const,
  run: (id: number) => ["run", id] as const,
  metrics: (run: number) => ["metrics", run] as const,
  models: (project: number) => ["models", project] as const,
  model: (id: number) => ["model", id] as const,
  compare: (candidate: number, against: number | null) => ["compare", candidate, against] as const,
  /** `project` null: the jobs of every project. */
  jobs: (project: number | null) => ["jobs", project] as const,
  job: (id: number) => ["job", id] as const,
};

/** Which cached answers a change on the server makes old. Prefixes: `["clips", 3]` means every list of clips of project 3. */
export function staleAfter({ kind, id, project }: Change): QueryKey[] {
  const of = (...kinds: string[]): QueryKey[] =>
    kinds.map((name) => (project === null ? [name] : [name, project]));
  switch (kind) {
    case "job":
      // A clip that is being read shows its job's progress.
      return [["job", id], ["jobs"], ["clip"], ...of("stats")];
    case "clip":
      return [["clip", id], ["frames", id], ["masks", id], ...of("clips", "subjects", "stats", "queue")];
    case "frame":
      // The event names the frame, not its clip: every open clip's frames and masks may have changed.
      return [
        ["frame", id],
        ["revisions", id],
        ["frames"],
        ["masks"],
        ["clip"],
        ...of("clips", "subjects", "stats", "effort", "queue", "dataset-preview"),
      ];
    case "subject":
      return of("subjects", "clips", "dataset-preview");
    case "dataset":
      // Freezing fixes its test subjects.
      return [["dataset", id], ...of("datasets", "stats", "subjects", "dataset-preview")];
    case "run":
      return [["run", id], ["metrics", id], ...of("runs", "stats")];
    case "model":
      return [["model", id], ["compare"], ...of("models", "runs", "stats", "project")];
    case "project":
      return [["projects"], ...of("project", "members", "subjects", "stats", "dataset-preview")];
  }
}
