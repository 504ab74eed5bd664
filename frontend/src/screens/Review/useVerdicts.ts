import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { type Dispatch, useRef } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Review, TakenBackReviews, Verdict } from "../../api/types";
import { errorText } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { thumbnailKey } from "./ReviewCard";
import type { Thumbnail } from "./thumbnail";
import { limiter } from "./thumbnail";
import type { WallAction, WallState } from "./wall";

const limited = limiter(4);

interface Verdicts {
  /** Frames leave the wall at once, and come back, with the reason, where the server refuses. */
  judge: (
    verdict: Verdict,
    frames: readonly number[],
    shown: readonly number[],
    comment?: string,
  ) => Promise<void>;
  /** Takes back what was judged together last. */
  takeBack: () => Promise<void>;
}

/** The verdicts of a person on the wall of a project, and the way back. */
export function useVerdicts(projectId: number, userId: number, dispatch: Dispatch<WallAction>): Verdicts {
  const client = useQueryClient();
  /** What is under way: only once it has ended is it known what to take back. */
  const underWay = useRef<Promise<unknown>>(Promise.resolve());
  const numbersChanged = () => {
    for (const queryKey of [["stats"], ["subjects"]]) void client.invalidateQueries({ queryKey });
    return client.invalidateQueries({ queryKey: keys.queue(projectId, "review") });
  };

  async function judge(
    verdict: Verdict,
    frames: readonly number[],
    shown: readonly number[],
    comment = "",
  ): Promise<void> {
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
    const reviews: number[] = [];
    const reasons = new Set<string>();
    await Promise.all(
      seen.map(({ frame, revision }) =>
        limited(() => api.post<Review>(`/api/frames/${frame}/review`, { verdict, comment, revision })).then(
          ({ id }) => reviews.push(id),
          (error: unknown) => {
            refused.push(frame);
            reasons.add(errorText(error));
            // Somebody may have saved since: look at the newest before judging again.
            void client.invalidateQueries({ queryKey: thumbnailKey(frame) });
          },
        ),
      ),
    );
    if (reviews.length) dispatch({ do: "given", judged: { verdict, reviews } });
    if (refused.length) {
      dispatch({ do: "refused", frames: refused });
      notifications.show({
        color: "red",
        title: `${plural(refused.length, "frame")} came back`,
        message: [...reasons].join(" "),
      });
    }
    void numbersChanged();
  }

  async function takeBack(): Promise<void> {
    const newest = client.getQueryData<WallState>(keys.wall(projectId, userId))?.judged.at(-1);
    if (!newest) return;
    dispatch({ do: "takingBack", judged: newest });
    try {
      const { taken_back: frames, refused } = await api.post<TakenBackReviews>(
        `/api/projects/${projectId}/reviews/take-back`,
        { reviews: newest.reviews },
      );
      // Listed first: the cursor and the picks hold on to frames that are on the wall.
      await numbersChanged();
      dispatch({ do: "takenBack", frames });
      if (refused.length) {
        notifications.show({
          color: "red",
          title: `${plural(refused.length, "verdict")} ${refused.length === 1 ? "stands" : "stand"}`,
          message: [...new Set(refused.map(({ message }) => message))].join(" "),
        });
      }
    } catch (error) {
      dispatch({ do: "given", judged: newest });
      notifications.show({ color: "red", title: "Nothing was taken back", message: errorText(error) });
    }
  }

  return {
    judge: (...what) => {
      const judging = judge(...what);
      underWay.current = Promise.all([underWay.current, judging]);
      return judging;
    },
    takeBack: () => {
      const takingBack = underWay.current.then(takeBack);
      underWay.current = takingBack;
      return takingBack;
    },
  };
}
