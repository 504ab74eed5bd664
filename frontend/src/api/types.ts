/**
 * Every shape of docs/api.md, written by hand until the generated ones replace them.
 * Nothing else in the front end describes what the server sends.
 */

export interface Me {
  id: number;
  username: string;
  is_staff: boolean;
  may_create_projects: boolean;
  csrf_token: string;
}

export interface Token {
  id: number;
  name: string;
  scope: "read" | "write";
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

/** What POST /api/tokens answers, once: the secret is never shown again. */
export interface NewToken extends Token {
  token: string;
}

/** One page of a list; ask for the next with `?cursor=`. */
export interface PageOf<T> {
  results: T[];
  next: string | null;
}

export interface PresetLabel {
  index: number;
  name: string;
  color: string;
  key: string;
}

export interface Preset {
  key: string;
  name: string;
  labels: PresetLabel[];
}

export type Role = "viewer" | "uploader" | "annotator" | "reviewer" | "manager";
export type Right = "view" | "upload" | "annotate" | "review" | "manage";

export interface Label {
  index: number;
  name: string;
  /** `#rrggbb` */
  color: string;
  /** "1".."9", "0" or "" for none. */
  key: string;
  position: number;
}

/** A row named by its id and the number people know it by. */
export interface NumberedRef {
  id: number;
  number: number;
}

export interface Project {
  id: number;
  name: string;
  description: string;
  is_demonstration: boolean;
  frames_per_clip: number;
  forbid_own_review: boolean;
  created_at: string;
  my_role: Role;
  may: Right[];
  labels: Label[];
  champion: NumberedRef | null;
}

export interface Member {
  user_id: number;
  username: string;
  role: Role;
  created_at: string;
}

/** The password is there only when the invitation made a new account, and only once. */
export interface NewMember extends Member {
  password?: string;
}

export interface SubjectRef {
  id: number;
  pseudonym: string;
}

/** Counts are selected frames of the subject, by state. */
export interface Subject extends SubjectRef {
  is_test: boolean;
  clips: number;
  selected: number;
  accepted: number;
  submitted: number;
  open: number;
  returned: number;
  drafted: number;
}

export type Bottleneck = "upload" | "annotate" | "review" | "freeze" | "train" | "promote";

export interface ActivityDay {
  /** YYYY-MM-DD */
  date: string;
  revisions: number;
  accepted: number;
  active_seconds: number;
}

export interface Stats {
  clips: number;
  subjects: number;
  frames: number;
  selected: number;
  untouched: number;
  open: number;
  submitted: number;
  returned: number;
  accepted: number;
  drafted: number;
  datasets: number;
  newest_dataset: NumberedRef | null;
  models: number;
  champion: (NumberedRef & { dice: number | null }) | null;
  waiting: { annotate: number; review: number; jobs: number };
  bottleneck: Bottleneck | null;
  activity: ActivityDay[];
}

export interface AuditRow {
  id: number;
  at: string;
  actor: string | null;
  verb: string;
  object_type: string;
  object_id: number | string;
  detail: Record<string, unknown>;
}

export type JobKind = "ingest" | "draft" | "export" | "train" | "demonstration";
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled" | "quarantined";

export interface Job {
  id: number;
  kind: JobKind;
  title: string;
  project: number | null;
  state: JobState;
  progress_done: number;
  progress_total: number;
  message: string;
  error: string;
  attempts: number;
  cancel_requested: boolean;
  created_by: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  seconds_left: number | null;
}

export type ClipState = "processing" | "ready" | "partial" | "failed";

export interface Clip {
  id: number;
  project: number;
  subject: SubjectRef & { is_test: boolean };
  number: number;
  kind: string;
  state: ClipState;
  state_reason: string;
  width: number | null;
  height: number | null;
  is_grey: boolean | null;
  millimetres_per_pixel: number | null;
  frame_count: number;
  declared_frames: number | null;
  duration_seconds: number | null;
  container: string;
  codec: string;
  byte_size: number;
  created_at: string;
  uploaded_by: string | null;
  selected: number;
  drafted: number;
  open: number;
  submitted: number;
  returned: number;
  accepted: number;
  first_frame: number | null;
  job: Job | null;
}

export type FrameState = "untouched" | "open" | "submitted" | "returned" | "accepted";

export interface Frame {
  id: number;
  index: number;
  time_us: number;
  selected: boolean;
  state: FrameState;
  /** 0 sure … 1 unsure; null where no model has drafted it. */
  uncertainty: number | null;
  /** Place of the frame's PNG in the clip's pack, in bytes. */
  offset: number;
  length: number;
}

export type Origin = "blank" | "draft" | "hand" | "propagated" | "assisted" | "restored" | "imported";

export interface Annotation {
  state: FrameState;
  /** Number of the newest revision. */
  head: number;
  annotator: string;
  updated_at: string;
  author: string;
  origin: Origin;
}

export interface Draft {
  id: number;
  model: NumberedRef;
  /** By label index, 0..1. */
  confidence: Record<string, number>;
  uncertainty: number | null;
  backend: string;
  created_at: string;
}

export type Verdict = "accepted" | "returned";

export interface ReviewPoint {
  x: number;
  y: number;
  text: string;
}

export interface Review {
  id: number;
  /** Number of the revision it judges. */
  revision: number;
  reviewer: string;
  verdict: Verdict;
  comment: string;
  points: ReviewPoint[];
  created_at: string;
}

export interface FrameDetail extends Frame {
  clip: {
    id: number;
    number: number;
    subject: SubjectRef;
    width: number;
    height: number;
    frame_count: number;
    millimetres_per_pixel: number | null;
    project: number;
  };
  annotation: Annotation | null;
  gold_revision: number | null;
  draft: Draft | null;
  review: Review | null;
  previous_selected: number | null;
  next_selected: number | null;
}

export interface ClipMask {
  /** base64 of an 8-bit grey PNG, value = label index. */
  png: string;
  kind: "revision" | "draft";
}

/** By frame index (not id). */
export type ClipMasks = Record<string, ClipMask>;

export interface Revision {
  id: number;
  number: number;
  parent: number | null;
  author: string;
  origin: Origin;
  active_seconds: number;
  label_pixels: Record<string, number>;
  sha256: string;
  created_at: string;
  reviews: Review[];
}

export interface QueueItem {
  frame: Frame;
  clip: { id: number; number: number; subject: SubjectRef };
}

export type Split = "train" | "val" | "test";

export interface SplitCounts {
  frames: number;
  clips: number;
  subjects: number;
  labels: Record<string, { frames: number; pixels: number }>;
}

export type DatasetLabel = Pick<Label, "index" | "name" | "color">;

export interface DatasetPreview {
  counts: Record<Split, SplitCounts>;
  labels: DatasetLabel[];
  frame_count: number;
  warnings: string[];
  subjects: { pseudonym: string; split: Split; frames: number; is_test: boolean }[];
}

export interface Export {
  id: number;
  format: "png" | "coco";
  state: "writing" | "ready" | "failed";
  error: string;
  byte_size: number | null;
  sha256: string | null;
  created_at: string;
  file_name: string;
}

export interface Dataset {
  id: number;
  number: number;
  note: string;
  sha256: string;
  labels: DatasetLabel[];
  counts: Record<Split, SplitCounts>;
  warnings: string[];
  frame_count: number;
  created_by: string;
  created_at: string;
  exports: Export[];
}

export type RunState = "queued" | "running" | "finished" | "cancelled" | "failed";

export interface Run {
  id: number;
  number: number;
  dataset: NumberedRef;
  base_model: NumberedRef | null;
  config: Record<string, unknown>;
  state: RunState;
  error: string;
  epoch: number;
  epochs: number;
  created_by: string;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  model: NumberedRef | null;
  job: Job | null;
}

/** One line of a run's log; the values beside sequence, event and epoch depend on the event. */
export interface RunMetric {
  sequence: number;
  event: string;
  epoch: number | null;
  [value: string]: number | string | boolean | null | Record<string, number>;
}

/** Null where it cannot be told: no frame shows the structure (mean), one subject only (low, high). */
export interface Interval {
  mean: number | null;
  low: number | null;
  high: number | null;
}

export interface Scores {
  split: "test";
  subjects: number;
  frames: number;
  dice: Interval;
  labels: Record<string, { name: string; dice: Interval; n: number }>;
}

/** A model that was never scored has an empty object in place of its scores. */
export type MaybeScores = Scores | Record<string, never>;

export interface Model {
  id: number;
  number: number;
  stage: "candidate" | "champion" | "retired";
  run: NumberedRef | null;
  dataset: NumberedRef | null;
  parent: NumberedRef | null;
  replaced: NumberedRef | null;
  architecture: Record<string, unknown>;
  labels: DatasetLabel[];
  byte_size: number;
  scores: MaybeScores;
  note: string;
  created_at: string;
  promoted_at: string | null;
  promoted_by: string | null;
  verdict: string | null;
}

export interface Comparison {
  candidate: Scores;
  champion: Scores | null;
  labels: { index: number; name: string; difference: number; low: number | null; high: number | null }[];
  difference: Interval | null;
  comparable: boolean;
  verdict: string;
}

export type ChangeKind = "job" | "clip" | "frame" | "dataset" | "export" | "run" | "model" | "project";

/** What `event: change` on /api/events carries. */
export interface Change {
  kind: ChangeKind;
  id: number;
  project: number | null;
}
