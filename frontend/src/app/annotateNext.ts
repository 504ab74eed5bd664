import { notifications } from "@mantine/notifications";
import { useCallback } from "react";
import { useNavigate } from "react-router";
import { api } from "../api/client";
import type { PageOf, QueueItem } from "../api/types";
import { errorText } from "../ui/ErrorState";

/** Opens the editor on the frame that needs a person most, or says that none does. */
export function useAnnotateNext(projectId: number): () => Promise<void> {
  const navigate = useNavigate();
  return useCallback(async () => {
    try {
      const next = await api.get<PageOf<QueueItem>>(`/api/projects/${projectId}/queue`, {
        query: { role: "annotate", limit: 1 },
      });
      const frame = next.results[0]?.frame;
      if (frame) await navigate(`/p/${projectId}/frames/${frame.id}`);
      else
        notifications.show({ title: "Nothing waits for you", message: "No frame needs a correction now." });
    } catch (error) {
      notifications.show({ color: "red", title: "The queue did not open", message: errorText(error) });
    }
  }, [navigate, projectId]);
}
