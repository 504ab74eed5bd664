import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { fetchClicksAvailable } from "./assistPort";
import { type Desk, useEditorState } from "./useSession";

/** Gives the click tool its model while it is in hand. Answers why there is none; null where there is one. */
export function useClicks(desk: Desk, frameId: number): string | null {
  const { session, ports } = desk;
  const { tool, readOnly } = useEditorState(session);
  const { data } = useQuery({
    queryKey: ["assist", frameId],
    queryFn: ({ signal }) => fetchClicksAvailable(String(frameId), signal),
    enabled: tool === "clicks" && !readOnly && frameId > 0,
    staleTime: 30_000,
  });
  const why = data && !data.available ? data.message : null;
  useEffect(() => {
    // Not asked yet, or the line is down: the first click finds out.
    session.editor.setAssist(why === null ? ports.assist : null);
  }, [session, ports, why]);
  return why;
}
