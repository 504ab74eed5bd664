import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { ApiError, api } from "../../api/client";
import { decodeMask } from "../../api/masks";
import type { FrameDetail } from "../../api/types";
import type { ConfidenceMap } from "../../editor";

export interface Confidence {
  /** Of the frame's newest draft; null until it is wanted and here. */
  map: ConfidenceMap | null;
  /** Why there is none, in words; null where there is, or nobody asked. */
  missing: string | null;
  /** Load it, and that of the frames opened after. */
  want: () => void;
}

/** How sure the model is of the open frame's draft, place by place. */
export function useConfidence(detail: FrameDetail | null): Confidence {
  const [isWanted, setWanted] = useState(false);
  const id = detail?.id ?? 0;
  const draft = detail?.draft?.id ?? 0;
  const { data, error } = useQuery({
    queryKey: ["confidence", draft],
    queryFn: async ({ signal }) => {
      try {
        return await decodeMask(await api.bytes(`/api/frames/${id}/draft/confidence`, { signal }));
      } catch (problem) {
        // Old drafts have none: asking again would not help.
        if (problem instanceof ApiError && problem.status === 404) return problem.message;
        throw problem;
      }
    },
    enabled: isWanted && draft > 0,
    staleTime: Number.POSITIVE_INFINITY, // a draft never changes
    gcTime: 60_000,
  });
  const want = useCallback(() => setWanted(true), []);
  return useMemo(() => {
    if (draft === 0) return { map: null, missing: "This frame has no draft.", want };
    if (typeof data === "string") return { map: null, missing: data, want };
    return { map: data ?? null, missing: error ? "It could not be loaded." : null, want };
  }, [draft, data, error, want]);
}
