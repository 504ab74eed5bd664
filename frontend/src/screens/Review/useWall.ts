import { hashKey, useQueryClient } from "@tanstack/react-query";
import { type Dispatch, useCallback, useMemo, useSyncExternalStore } from "react";
import { keys } from "../../api/keys";
import { START, type WallAction, type WallState, wallReducer } from "./wall";

/**
 * The wall of one person in one project, as they left it in this tab. It lies with the cached answers, so it goes when
 * the person signs out, and an answer that comes after the wall was left still counts. Not read by `useQuery`, which
 * tells a moment later: the next key would speak about the frame before.
 */
export function useWall(projectId: number, userId: number): [WallState, Dispatch<WallAction>] {
  const client = useQueryClient();
  const queryKey = useMemo(() => keys.wall(projectId, userId), [projectId, userId]);
  const subscribe = useCallback(
    (changed: () => void) =>
      client.getQueryCache().subscribe(({ query }) => {
        if (query.queryHash === hashKey(queryKey)) changed();
      }),
    [client, queryKey],
  );
  const state = useSyncExternalStore(subscribe, () => client.getQueryData<WallState>(queryKey) ?? START);
  const dispatch = useCallback(
    (action: WallAction) => {
      client.setQueryData<WallState>(queryKey, (now = START) => wallReducer(now, action));
    },
    [client, queryKey],
  );
  return [state, dispatch];
}
