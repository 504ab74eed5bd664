import type { Revision } from "../../api/types";

/**
 * The version a reviewer wants beside the newest one: the last whose verdict stands, else the last of another person, else
 * the first. Not simply the one before: every second of painting makes one.
 *
 * revisions  newest first, as the API lists them
 */
export function previousVersion(revisions: readonly Revision[]): Revision | null {
  const [newest, ...older] = revisions;
  if (!newest || older.length === 0) return null;
  return (
    older.find((revision) => revision.reviews.some(({ taken_back_at }) => !taken_back_at)) ??
    older.find((revision) => revision.author !== newest.author) ??
    older[older.length - 1]
  );
}
