import type { Label } from "../../api/types";
import { type Action, DEFAULT_KEYS, type KeyMap } from "../../editor";

/**
 * The keys of this project: the labels' own digits in place of "the first nine". Labels in the order the editor
 * has them.
 */
export function keyMapFor(labels: readonly Pick<Label, "key">[]): KeyMap {
  const map: Record<string, KeyMap[string]> = { ...DEFAULT_KEYS };
  for (const digit of "0123456789") {
    const at = labels.findIndex((label) => label.key === digit);
    const { tap: _, ...rest } = map[digit] ?? {};
    const tap: Action | null = at >= 0 ? `label.${at + 1}` : null;
    if (tap) map[digit] = { ...rest, tap };
    else if (rest.hold) map[digit] = rest;
    else delete map[digit];
  }
  return map;
}

/** What `?` shows, in the order people need it. */
export const HELP: readonly { title: string; rows: readonly (readonly [keys: string, meaning: string])[] }[] =
  [
    {
      title: "Draw",
      rows: [
        ["B", "Brush"],
        ["E", "Eraser"],
        ["P", "Polygon; Enter closes it"],
        ["F", "Fill"],
        ["[ ]", "Smaller, larger"],
        ["1 … 0", "Label"],
        ["X", "Background and back"],
        ["Ctrl Z", "Undo"],
        ["Ctrl Shift Z", "Redo"],
        ["Esc", "Leave the step in the making"],
      ],
    },
    {
      title: "See",
      rows: [
        ["H", "Hide masks while held"],
        ["O", "Outlines only"],
        ["N", "Neighbours' outlines"],
        ["D", "The draft's outline; held: the draft in place of the mask"],
        ["Shift D", "Changes against the draft, then against the version before"],
        ["Shift P held", "The version before in place of the mask"],
        ["Wheel", "Zoom"],
        ["Space + drag", "Pan"],
        ["0 held", "Fit to screen"],
        ["Tab", "Panels"],
        ["Space", "Play and stop"],
      ],
    },
    {
      title: "Go",
      rows: [
        [", .", "Previous, next frame"],
        ["Shift , .", "Previous, next selected"],
        ["W", "Next that needs a person"],
        ["Y", "Accept the draft as it is"],
        ["Enter", "Submit and next"],
        ["Ctrl S", "Save now"],
      ],
    },
    {
      title: "Review",
      rows: [
        ["Shift Y", "Accept and next"],
        ["Shift N", "Return with a comment"],
      ],
    },
  ];
