import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";

/** Retrying helps when the server or the line was away, never when it said no. */
function worthRetrying(failures: number, error: Error): boolean {
  const away = error instanceof ApiError && (error.status === 0 || error.status >= 502);
  return away && failures < 2;
}

export const queryClient = new QueryClient({
  defaultOptions: {
    // /api/events says when something changed; the half minute is for when that stream is down.
    queries: { retry: worthRetrying, staleTime: 30_000, refetchOnWindowFocus: true },
    mutations: { retry: false },
  },
});

// Nothing can fetch it again: it stays as long as the tab, or until the person signs out.
queryClient.setQueryDefaults(["wall"], { gcTime: Number.POSITIVE_INFINITY, structuralSharing: false });
