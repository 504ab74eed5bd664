import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Run, RunMetric } from "../../api/types";
import { append, lastSequence } from "./metrics";

/** While a run is on and the change stream is down, this still moves the curves. */
const POLL_MS = 4000;

/** All metrics of a run; each time only what is new is asked for. */
export function useMetrics(run: Run) {
  const client = useQueryClient();
  const queryKey = keys.metrics(run.id);
  return useQuery({
    queryKey,
    refetchInterval: run.state === "running" ? POLL_MS : false,
    queryFn: async ({ signal }) => {
      const known = client.getQueryData<RunMetric[]>(queryKey) ?? [];
      const after = lastSequence(known);
      const fresh = await api.get<RunMetric[]>(`/api/runs/${run.id}/metrics`, { query: { after }, signal });
      return append(known, fresh);
    },
  });
}
