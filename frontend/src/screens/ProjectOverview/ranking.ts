import type { Effort } from "../../api/types";
import { duration } from "../../ui/format";

/** With fewer accepted frames of either kind, the two numbers would differ by luck. */
export const ENOUGH_FRAMES = 20;

/** Whether showing the most uncertain frames first pays, in one line; null while too few were accepted to say. */
export function rankingTold({ by_arm }: Effort): string | null {
  const told = by_arm.map(({ arm, frames, changed, median_active_seconds }) => {
    if (frames < ENOUGH_FRAMES || changed === null || median_active_seconds === null) return null;
    const share = (100 * changed).toFixed(changed < 0.1 ? 1 : 0);
    return `${arm === "ranked" ? "Uncertain first" : "control"}: ${share} % changed, ${duration(median_active_seconds)} a frame`;
  });
  return told.length === 2 && told.every((line) => line !== null) ? `${told.join("; ")}.` : null;
}
