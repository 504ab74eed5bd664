import type { Label } from "../../api/types";
import { type Action, actionsOf, type KeyMap, WALL_KEYS } from "../../editor";

export type KeyGroup = "Draw" | "Shape" | "See" | "Go" | "Review" | "Review wall";

/** What `?` calls each action. An action without words does not compile. */
export const ACTION_WORDS: Readonly<
  Record<Exclude<Action, `label.${number}`>, readonly [group: KeyGroup, words: string]>
> = {
  "tool.brush": ["Draw", "Brush"],
  "tool.eraser": ["Draw", "Eraser"],
  "tool.polygon": ["Draw", "Polygon"],
  "tool.lasso": ["Draw", "Lasso"],
  "tool.scissors": ["Draw", "Scissors along edges"],
  "tool.fill": ["Draw", "Fill"],
  "tool.grow": ["Draw", "Grow a region"],
  "tool.superpixel": ["Draw", "Paint patches"],
  "tool.line": ["Draw", "Line"],
  "tool.clicks": ["Draw", "Click to fix"],
  "tool.move": ["Draw", "Move and scale"],
  "tool.measure": ["Draw", "Measure"],
  "brush.shape": ["Draw", "Round or square brush"],
  "brush.threshold": ["Draw", "Paint only some greys"],
  "brush.smaller": ["Draw", "Smaller"],
  "brush.larger": ["Draw", "Larger"],
  "shape.mode": ["Draw", "Add, subtract or replace"],
  "label.swap": ["Draw", "Background and back"],
  "label.next": ["Draw", "Next label"],
  "label.previous": ["Draw", "Previous label"],
  "label.lock": ["Draw", "Lock or unlock the label"],
  paintOver: ["Draw", "Paint over everything, only background or one label"],
  undo: ["Draw", "Undo"],
  redo: ["Draw", "Redo"],
  stepBack: ["Draw", "Take back the last press"],
  cancel: ["Draw", "Leave the step in the making"],
  "structure.menu": ["Shape", "All operations on a structure"],
  "structure.fillHoles": ["Shape", "Fill holes"],
  "structure.removeIslands": ["Shape", "Remove islands"],
  "structure.keepLargest": ["Shape", "Keep the largest piece"],
  "structure.smooth": ["Shape", "Smooth"],
  "structure.grow": ["Shape", "Grow"],
  "structure.shrink": ["Shape", "Shrink"],
  "structure.copyPrevious": ["Shape", "Copy from the selected frame before"],
  "structure.copyNext": ["Shape", "Copy from the selected frame after"],
  "masks.hide": ["See", "Hide masks while held"],
  "label.hide": ["See", "Hide or show the label"],
  "opacity.up": ["See", "Stronger masks"],
  "opacity.down": ["See", "Fainter masks"],
  "masks.outlines": ["See", "Outlines only"],
  neighbours: ["See", "Neighbours' outlines"],
  "draft.ghost": ["See", "The draft's outline"],
  "draft.flip": ["See", "held: the draft in place of the mask"],
  "previous.flip": ["See", "The version before in place of the mask, while held"],
  difference: ["See", "Changes against the draft, then against the version before"],
  uncertainty: ["See", "Where the draft is not sure"],
  "view.fit": ["See", "Fit to screen while held"],
  "view.zoomIn": ["See", "Zoom in"],
  "view.zoomOut": ["See", "Zoom out"],
  "view.left": ["See", "Pan left"],
  "view.right": ["See", "Pan right"],
  "view.up": ["See", "Pan up"],
  "view.down": ["See", "Pan down"],
  pan: ["See", "Pan while held"],
  play: ["See", "Play and stop"],
  panels: ["See", "Panels, from the picture"],
  help: ["See", "Keys"],
  "frame.previous": ["Go", "Previous frame"],
  "frame.next": ["Go", "Next frame"],
  "frame.previousSelected": ["Go", "Previous selected"],
  "frame.nextSelected": ["Go", "Next selected"],
  "frame.nextWaiting": ["Go", "Next that needs a person"],
  "frame.nextUncertain": ["Go", "Next least certain of this clip"],
  "frame.nextUntouched": ["Go", "Next untouched of this clip"],
  "frame.nextReturned": ["Go", "Next returned of this clip"],
  carry: ["Go", "Carry masks over to other frames"],
  "draft.accept": ["Go", "Accept the mask carried here, else the draft"],
  finish: ["Go", "Close the shape, else submit and next"],
  "frame.submit": ["Go", "Submit and next"],
  save: ["Go", "Save now"],
  "review.accept": ["Review", "Accept and next"],
  "review.return": ["Review", "Return with a comment"],
  "wall.next": ["Review wall", "Next frame"],
  "wall.previous": ["Review wall", "Previous frame"],
  "wall.down": ["Review wall", "A row down"],
  "wall.up": ["Review wall", "A row up"],
  "wall.pick": ["Review wall", "Pick or unpick"],
  "wall.pickAll": ["Review wall", "Pick all"],
  "wall.unpick": ["Review wall", "Pick none"],
  "wall.changes": ["Review wall", "Only the changes to the draft"],
  "wall.takeBack": ["Review wall", "Take the last verdict back"],
  "wall.open": ["Review wall", "Open in the editor"],
};

/** What pointers do; these are not keys and stay as they are. */
export const GESTURES: readonly (readonly [gesture: string, meaning: string])[] = [
  ["Wheel, or two fingers", "Zoom and pan"],
  ["Right button, dragged", "Window and level"],
  ["Right click", "With Click to fix: not here"],
  ["Middle button, or the pen’s button", "Pan"],
  ["The pen’s other end", "Erase"],
  ["Shift Tab", "From the picture to the buttons"],
];

export interface KeyRow {
  /** Where a person's change of it is kept. */
  readonly map: "keys" | "wall";
  /** The chord it has by default: its name in a person's changes. */
  readonly from: string;
  readonly group: KeyGroup;
  readonly words: string;
}

/** The keys of the review wall. Those that mean the same in the editor have the same words. */
export function wallRows(): KeyRow[] {
  return keyRows(WALL_KEYS, []).map((row) => ({ ...row, map: "wall", group: "Review wall" }));
}

/** Every binding in words, in the order of the groups. Labels stand with their names. */
export function keyRows(base: KeyMap, labels: readonly Pick<Label, "name">[]): KeyRow[] {
  const order = Object.keys(ACTION_WORDS);
  const wordsOf = (action: Action): readonly [KeyGroup, string] =>
    action in ACTION_WORDS
      ? ACTION_WORDS[action as keyof typeof ACTION_WORDS]
      : ["Draw", labels[Number(action.slice("label.".length)) - 1]?.name ?? action];
  return Object.entries(base)
    .map(([from, binding]) => {
      const actions = actionsOf(binding);
      const group = wordsOf(actions[0])[0];
      const words = actions.map((action) => wordsOf(action)[1]).join("; ");
      return { map: "keys" as const, from, group, words, at: order.indexOf(actions[0]) };
    })
    .sort((one, other) => (one.at < 0 ? order.length : one.at) - (other.at < 0 ? order.length : other.at));
}

/** On the wall these lead to other pages; in the editor they are free. */
export const PAGE_KEYS: ReadonlySet<string> = new Set(["a", "g", "shift+a", "shift+g"]);

/** What people need from the browser or the system, some of it never heard of by a page: its chords, by what they do. */
const BROWSER_KEYS: Readonly<Record<string, string>> = {
  "opens and closes tabs and windows":
    "mod+t mod+n mod+w mod+q mod+m mod+shift+t mod+shift+n mod+shift+w mod+shift+q mod+shift+p alt+space",
  "goes to another tab or window":
    "mod+tab mod+shift+tab alt+tab alt+shift+tab mod+1 mod+2 mod+3 mod+4 mod+5 mod+6 mod+7 mod+8 mod+9",
  "goes to another page": "alt+arrowleft alt+arrowright mod+arrowleft mod+arrowright mod+[ mod+] alt+home",
  "loads the page again": "mod+r mod+shift+r",
  "goes to the address": "mod+l mod+k mod+e alt+d",
  "searches the page": "mod+f mod+g mod+shift+g",
  prints: "mod+p",
  "opens a file": "mod+o",
  "keeps bookmarks": "mod+d mod+b mod+shift+d mod+shift+b mod+shift+o",
  "shows downloads and what was visited": "mod+j mod+h mod+shift+h mod+shift+y mod+shift+delete",
  "copies and pastes": "mod+a mod+c mod+v mod+x mod+shift+v",
  "zooms the page": "mod+= mod+- mod+0 mod+shift+=",
  "shows how the page is made": "mod+u mod+i mod+shift+i mod+shift+j mod+shift+c mod+shift+k",
  "walks through the page": "shift+tab",
};

/** What the browser does on a chord that therefore is nobody's; null where it may be had. */
export function browserUse(chord: string, map: KeyRow["map"]): string | null {
  if (/(^|\+)f\d+$/.test(chord)) return "keeps the F keys";
  // Outside the picture Tab is let go: the wall has none.
  if (map === "wall" && chord === "tab") return "walks through the page";
  return Object.keys(BROWSER_KEYS).find((use) => BROWSER_KEYS[use].split(" ").includes(chord)) ?? null;
}
