import { ApiError, type api } from "../../api/client";
import type { Review, ReviewPoint, Verdict } from "../../api/types";
import type { EditorSession, Labelmap } from "../../editor";

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
): Promise<Review> {
  const revision = await save();
  if (isCorrected()) await submitSeen(post, frameId, revision);
  const { verdict, comment } = judgement;
  const points = judgement.points.filter((point) => point.text.trim() !== "");
  return post<Review>(`/api/frames/${frameId}/review`, { verdict, comment, points, revision });
}

/** The person neither went elsewhere nor draws: they may be taken on from this frame. */
export function isStillAt(session: EditorSession, frameId: string | null): boolean {
  return session.wantedFrame === frameId && !session.editor.openFrame?.document.isPainting;
}

/**
 * Make the draft the mask of the frame on the table. `told` is called just before the step that is to be saved as an
 * accepted draft. "moved": the person drew or went on before the draft came, and nothing was done.
 */
export async function takeDraft(
  session: EditorSession,
  frameId: string,
  fetchDraft: (frameId: string) => Promise<Labelmap | null>,
  told: () => void,
): Promise<"replaced" | "same" | "moved"> {
  const { openFrame } = session.editor;
  const step = openFrame?.document.history.past.at(-1);
  const draft = await fetchDraft(frameId);
  if (!draft) throw new Error("The draft is gone. Reload the frame.");
  if (!openFrame || session.editor.openFrame !== openFrame || !isStillAt(session, frameId)) return "moved";
  if (openFrame.document.history.past.at(-1) !== step) return "moved";
  told();
  // Where it is on the table already no pixel changes, and no step is made: save it all the same.
  if (draft.equals(openFrame.document.labelmap)) {
    session.autosave.edited(frameId, draft);
    return "same";
  }
  session.editor.applyMap(draft);
  return "replaced";
}

/** What a refusal says of a newer revision; null where it is about something else. */
export function newerOf(error: unknown): Newer | null {
  if (!(error instanceof ApiError) || error.status !== 412) return null;
  return { number: Number(error.detail.number), author: String(error.detail.author ?? "Somebody") };
}
