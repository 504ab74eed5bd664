/**
 * The shapes the server sends, by the names people use. All come from the server's own description (`make schema`
 * writes schema.d.ts); what is written by hand here is only what OpenAPI does not describe.
 */

import type { components, paths } from "./schema";

type Shapes = components["schemas"];
/** The body of a GET that answers with no named shape. */
type Answer<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;

/** One page of a list; ask for the next with `?cursor=`. */
export interface PageOf<T> {
  results: T[];
  next: string | null;
}

export type Me = Shapes["MeShape"];
export type Token = Shapes["TokenShape"];
/** What POST /api/tokens answers, once: the secret is never shown again. */
export type NewToken = Shapes["NewTokenShape"];

export type Preset = Shapes["PresetShape"];
export type Project = Shapes["ProjectShape"];
export type Role = Shapes["RoleEnum"];
export type Label = Shapes["LabelShape"];
export type Member = Shapes["MemberShape"];
export type NewMember = Shapes["NewMemberShape"];
/** Counts are selected frames of the subject, by state. */
export type Subject = Shapes["SubjectShape"];
export type Stats = Shapes["StatsShape"];
export type Effort = Shapes["EffortShape"];
export type Bottleneck = Shapes["BottleneckEnum"];
export type ActivityDay = Shapes["DayShape"];
export type AuditRow = Shapes["AuditShape"];

export type Job = Shapes["JobShape"];
export type JobState = Shapes["JobState"];

export type Clip = Shapes["ClipShape"];
export type Frame = Shapes["FrameShape"];
/** As the list of a clip's frames has it. */
export type FrameOfClip = Shapes["ClipFrameShape"];
export type FrameDetail = Shapes["FrameDetailShape"];
/** By frame index (not id). */
export type ClipMasks = Answer<"/api/clips/{clip_id}/masks">;
export type Revision = Shapes["RevisionShape"];
export type Review = Shapes["ReviewShape"];
export type ReviewPoint = Shapes["PointFields"];
export type Verdict = Shapes["VerdictEnum"];
export type QueueItem = Shapes["QueueEntryShape"];

export type Split = Shapes["SplitEnum"];
export type SplitCounts = Shapes["SplitCountShape"];
export type DatasetLabel = Shapes["DatasetLabelShape"];
export type DatasetPreview = Shapes["PreviewShape"];
export type Dataset = Shapes["DatasetShape"];
export type Export = Shapes["ExportShape"];

export type Run = Shapes["RunShape"];
/** One line of a run's log; the values beside sequence and event depend on the event. */
export type RunMetric = Answer<"/api/runs/{run_id}/metrics">[number];

/** Null where it cannot be told: no frame shows the structure (mean), one subject only (low, high). */
export type Interval = Shapes["IntervalShape"];
export type Scores = Shapes["ScoresShape"];
export type Model = Shapes["ModelShape"];
/** A model that was never scored has an empty object in place of its scores. */
export type MaybeScores = Model["scores"];
export type Gate = Shapes["GateShape"];
export type Comparison = Shapes["ComparisonShape"];

/** What `event: change` on /api/events carries; a stream, which OpenAPI has no words for. */
export interface Change {
  kind: "job" | "clip" | "frame" | "subject" | "dataset" | "run" | "model" | "project";
  id: number;
  project: number | null;
}

/** What a person points at, for POST /api/frames/{id}/assist. */
export type AssistWish = Shapes["AssistFieldsRequest"];
export type ClicksAvailable = Shapes["AssistAvailableShape"];
/** A mask carried along a clip. */
export type ServerProposal = Shapes["ProposalShape"];
export type ServerProposals = Shapes["ProposalsShape"];
export type AcceptedProposals = Shapes["AcceptedShape"];
export type TakenBackProposals = Shapes["TakenBackShape"];
export type TakenBackReviews = Shapes["ReviewsTakenBackShape"];
export type PropagationJob = Shapes["PropagationJobShape"];
