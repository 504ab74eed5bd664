import type { Label } from "../../api/types";
import { type Action, DEFAULT_KEYS, type KeyMap, LEFT_HANDED_UNDO } from "../../editor";
import type { Hand } from "./hands";

/**
 * The keys of this project: the labels' own digits in place of "the first nine". Labels in the order the editor
 * has them; those without a digit can be given a key.
 */
export function keyMapFor(labels: readonly Pick<Label, "key">[], hand: Hand = "right"): KeyMap {
  const map: Record<string, KeyMap[string]> = { ...DEFAULT_KEYS, ...(hand === "left" && LEFT_HANDED_UNDO) };
  for (const digit of "0123456789") {
    const at = labels.findIndex((label) => label.key === digit);
    const { tap: _, ...rest } = map[digit] ?? {};
    const tap: Action | null = at >= 0 ? `label.${at + 1}` : null;
    if (tap) map[digit] = { ...rest, tap };
    else if (rest.hold) map[digit] = rest;
    else delete map[digit];
  }
  const withDigit = new Set(Object.values(map).map(({ tap }) => tap));
  labels.forEach((_, at) => {
    const tap: Action = `label.${at + 1}`;
    if (!withDigit.has(tap)) map[tap] = { tap };
  });
  return map;
}
