import type { Accepted } from "./proposals";

/** Each person's own: the next to sign in in this tab must not be offered another's. */
const nameFor = (userId: number, clipId: number) => `sonoloop-carried-${userId}-${clipId}`;

/**
 * Masks accepted together, the newest group last: kept for this tab, so that each group can be taken back, also after
 * the page was loaded again. Ids and numbers only.
 */
export function takenGroups(userId: number, clipId: number): Accepted[][] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(nameFor(userId, clipId)) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return []; // damaged, or this browser keeps nothing
  }
}

export function keepTaken(userId: number, clipId: number, groups: readonly (readonly Accepted[])[]): void {
  try {
    sessionStorage.setItem(nameFor(userId, clipId), JSON.stringify(groups));
  } catch {
    // This browser keeps nothing: what was accepted can be taken back until something else is carried over.
  }
}
