import type { Accepted } from "./proposals";

const nameFor = (clipId: number) => `sonoloop-carried-${clipId}`;

/**
 * Masks accepted together, the newest group last: kept for this tab, so that each group can be taken back, also after
 * the page was loaded again. Ids and numbers only.
 */
export function takenGroups(clipId: number): Accepted[][] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(nameFor(clipId)) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return []; // damaged, or this browser keeps nothing
  }
}

export function keepTaken(clipId: number, groups: readonly (readonly Accepted[])[]): void {
  try {
    sessionStorage.setItem(nameFor(clipId), JSON.stringify(groups));
  } catch {
    // This browser keeps nothing: what was accepted can be taken back until something else is carried over.
  }
}
