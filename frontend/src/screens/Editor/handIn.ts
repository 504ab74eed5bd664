import { ApiError, type api } from "../../api/client";
import type { Review, ReviewPoint, Verdict } from "../../api/types";

type Post = (typeof api)["post"];

/** What one person decides about the revision on the table. */
export interface Judgement {
  verdict: Verdict;
  comment: string;
  points: readonly ReviewPoint[];
}

/** Somebody saved since: what is on the screen is not the newest, so nothing was decided about it. */
export interface Newer {
  number: number;
  author: string;
}

/** Hand in the revision that is on the screen: the server refuses (412) where another is the newest. */
export async function submitSeen(post: Post, frameId: number, number: number): Promise<void> {
  await post(`/api/frames/${frameId}/submit`, undefined, { headers: { "If-Match": `"r${number}"` } });
}

/**
 * Judge what is on the screen. `save` sends what is not saved yet and answers the revision number then on the
 * table; `isCorrected` is asked after it and tells whether this person's own strokes reopened the frame: then the
 * correction is submitted first, so that the verdict is about it.
 */
export async function judgeSeen(
  post: Post,
  frameId: number,
  judgement: Judgement,
  { save, isCorrected }: { save: () => Promise<number>; isCorrected: () => boolean },
): Promise<void> {
  const revision = await save();
  if (isCorrected()) await submitSeen(post, frameId, revision);
  const { verdict, comment } = judgement;
  const points = judgement.points.filter((point) => point.text.trim() !== "");
  await post<Review>(`/api/frames/${frameId}/review`, { verdict, comment, points, revision });
}

/** What a refusal says of a newer revision; null where it is about something else. */
export function newerOf(error: unknown): Newer | null {
  if (!(error instanceof ApiError) || error.status !== 412) return null;
  return { number: Number(error.detail.number), author: String(error.detail.author ?? "Somebody") };
}
