import { type UseInfiniteQueryResult, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "./client";
import { keys, type QueryKey } from "./keys";
import type {
  AuditRow,
  Clip,
  Dataset,
  Effort,
  FrameDetail,
  Job,
  Me,
  Member,
  Model,
  PageOf,
  Preset,
  Project,
  QueueItem,
  Run,
  Stats,
  Subject,
  Token,
} from "./types";

/** A list read page by page: `rows` is what has come so far. */
export type PagedList<T> = UseInfiniteQueryResult<{ pages: PageOf<T>[] }> & { rows: T[] };

/** Reads a list of docs/api.md by its cursor. Ask `fetchNextPage` while `hasNextPage`. */
export function usePaged<T>(
  queryKey: QueryKey,
  path: string,
  query: Record<string, string | number | null> = {},
  gcTime?: number,
): PagedList<T> {
  const result = useInfiniteQuery({
    queryKey,
    gcTime,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      api.get<PageOf<T>>(path, { query: { ...query, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next,
  });
  const rows = useMemo(() => result.data?.pages.flatMap((page) => page.results) ?? [], [result.data]);
  return { ...result, rows };
}

function useOne<T>(queryKey: QueryKey, path: string, enabled = true) {
  return useQuery({ queryKey, enabled, queryFn: ({ signal }) => api.get<T>(path, { signal }) });
}

export const useMe = () => useOne<Me>(keys.me, "/api/me");
export const useTokens = () => useOne<Token[]>(keys.tokens, "/api/tokens");
export const usePresets = () => useOne<Preset[]>(keys.presets, "/api/presets");
export const useProjects = () => usePaged<Project>(keys.projects, "/api/projects");
export const useProject = (id: number) => useOne<Project>(keys.project(id), `/api/projects/${id}`);
export const useEffort = (project: number) =>
  useOne<Effort>(keys.effort(project), `/api/projects/${project}/effort`);
export const useStats = (project: number) =>
  useOne<Stats>(keys.stats(project), `/api/projects/${project}/stats`);
export const useMembers = (project: number) =>
  useOne<Member[]>(keys.members(project), `/api/projects/${project}/members`);
export const useSubjects = (project: number) =>
  usePaged<Subject>(keys.subjects(project), `/api/projects/${project}/subjects`, { limit: 200 });
export const useAudit = (project: number) =>
  usePaged<AuditRow>(keys.audit(project), `/api/projects/${project}/audit`, { limit: 100 });
export const useClip = (id: number) => useOne<Clip>(keys.clip(id), `/api/clips/${id}`);
export const useClips = (
  project: number,
  filter: { subject?: string | null; state?: string | null } = {},
) => {
  const asked = { subject: filter.subject ?? null, state: filter.state ?? null };
  return usePaged<Clip>(keys.clips(project, asked), `/api/projects/${project}/clips`, {
    ...asked,
    limit: 100,
  });
};
export const useFrame = (id: number) => useOne<FrameDetail>(keys.frame(id), `/api/frames/${id}`);
export type ReviewOrder = "uncertainty" | "disagreement";
/** Kept: who comes back from the editor finds the wall as long as it was. */
export const useReviewQueue = (project: number, order: ReviewOrder) =>
  usePaged<QueueItem>(
    [...keys.queue(project, "review"), order],
    `/api/projects/${project}/queue`,
    {
      role: "review",
      order,
      limit: 100,
    },
    Number.POSITIVE_INFINITY,
  );
export const useDatasets = (project: number) =>
  usePaged<Dataset>(keys.datasets(project), `/api/projects/${project}/datasets`);
export const useRuns = (project: number) =>
  usePaged<Run>(keys.runs(project), `/api/projects/${project}/runs`);
export const useRun = (id: number) => useOne<Run>(keys.run(id), `/api/runs/${id}`);
export const useModels = (project: number) =>
  usePaged<Model>(keys.models(project), `/api/projects/${project}/models`);
export const useJobs = (project: number | null) =>
  usePaged<Job>(keys.jobs(project), "/api/jobs", { project, limit: 100 });
