import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import type { Dispatch } from "react";
import { api } from "../../api/client";
import type { Review, Verdict } from "../../api/types";
import { errorText } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { thumbnailKey } from "./ReviewCard";
import type { Thumbnail } from "./thumbnail";
import { limiter } from "./thumbnail";
import type { WallAction } from "./wall";

const limited = limiter(4);

/** Judges frames: they leave the wall at once, and come back, with the reason, where the server refuses. */
export function useVerdicts(dispatch: Dispatch<WallAction>) {
  const client = useQueryClient();
  return async (verdict: Verdict, frames: readonly number[], shown: readonly number[], comment = "") => {
    const seen = frames.flatMap((frame) => {
      const thumbnail = client.getQueryData<Thumbnail>(thumbnailKey(frame));
      return thumbnail && Number.isFinite(thumbnail.revision)
        ? [{ frame, revision: thumbnail.revision }]
        : [];
    });
    if (seen.length < frames.length) {
      notifications.show({ message: "Pictures still come: only what has been seen can be judged." });
    }
    if (!seen.length) return;
    dispatch({ do: "judged", frames: seen.map(({ frame }) => frame), shown });
    const refused: number[] = [];
    const reasons = new Set<string>();
    await Promise.all(
      seen.map(({ frame, revision }) =>
        limited(() => api.post<Review>(`/api/frames/${frame}/review`, { verdict, comment, revision })).catch(
          (error: unknown) => {
            refused.push(frame);
            reasons.add(errorText(error));
            // Somebody may have saved since: look at the newest before judging again.
            void client.invalidateQueries({ queryKey: thumbnailKey(frame) });
          },
        ),
      ),
    );
    if (refused.length) {
      dispatch({ do: "refused", frames: refused });
      notifications.show({
        color: "red",
        title: `${plural(refused.length, "frame")} came back`,
        message: [...reasons].join(" "),
      });
    }
    for (const queryKey of [["queue"], ["stats"], ["subjects"]]) void client.invalidateQueries({ queryKey });
  };
}
