import { notifications } from "@mantine/notifications";
import { useMemo } from "react";
import { type Action, BACKGROUND, type EditorSession, type Operation } from "../../editor";
import { errorText } from "../../ui/ErrorState";

/** What is done to a label as a whole, as the menu and the keys have it. */
export interface StructureAct {
  readonly action: Action;
  readonly words: string;
  readonly run: (session: EditorSession, label: number) => void;
}

function operates(
  action: Action,
  words: string,
  operation: (options: ReturnType<EditorSession["editor"]["getState"]>["options"]) => Operation,
): StructureAct {
  return {
    action,
    words,
    run: (session, label) => {
      if (!session.editor.mayChange()) return;
      const { options } = session.editor.getState();
      if (!session.editor.operate(label, operation(options))) tellNothing(session, label);
    },
  };
}

/** `missing` is said where there is no such frame. */
export function copyFrom(session: EditorSession, label: number, frame: string | null, missing: string): void {
  if (!session.editor.mayChange()) return;
  session.copyLabel(label, frame).then(
    (answer) => {
      if (answer === "none") tell(missing);
      if (answer === "same") tellNothing(session, label);
    },
    (error: unknown) => notifications.show({ color: "red", title: "Not copied", message: errorText(error) }),
  );
}

const copies = (action: Action, words: string, steps: 1 | -1): StructureAct => ({
  action,
  words,
  run: (session, label) =>
    copyFrom(session, label, session.neighbour(steps, true), "There is no selected frame on that side."),
});

/** In the order people need them. */
export const STRUCTURE_ACTS: readonly StructureAct[] = [
  operates("structure.fillHoles", "Fill holes", () => ({ kind: "fillHoles" })),
  operates("structure.removeIslands", "Remove islands", ({ islandBelow }) => ({
    kind: "removeIslands",
    below: islandBelow,
  })),
  operates("structure.keepLargest", "Keep the largest piece", () => ({ kind: "keepLargest" })),
  operates("structure.smooth", "Smooth", ({ smoothBy }) => ({ kind: "smooth", by: smoothBy })),
  operates("structure.grow", "Grow", ({ growBy }) => ({ kind: "grow", by: growBy })),
  operates("structure.shrink", "Shrink", ({ growBy }) => ({ kind: "shrink", by: growBy })),
  copies("structure.copyPrevious", "Copy from the selected frame before", -1),
  copies("structure.copyNext", "Copy from the selected frame after", 1),
];

export function convertLabel(session: EditorSession, label: number, to: number): void {
  if (!session.editor.mayChange()) return;
  if (!session.editor.operate(label, { kind: "convert", to })) tellNothing(session, label);
}

/** Nothing happened: say why, as far as it is known. */
function tellNothing(session: EditorSession, label: number): void {
  const { locked, hidden, readOnly, labels } = session.editor.getState();
  const name = labels.find((known) => known.index === label)?.name ?? "This label";
  if (readOnly) return;
  if (locked.has(label)) tell(`${name} is locked.`);
  else if (hidden.has(label)) tell(`${name} is hidden: show it to change it.`);
  else tell(`Nothing of ${name} to change here.`);
}

let told = "";

/** In place of what was told before: with one id the second message would not be shown while the first is. */
function tell(message: string): void {
  notifications.hide(told);
  told = notifications.show({ message, autoClose: 3000 });
}

/** What the keys mean: each act on the label in hand. */
export function useStructureActs(session: EditorSession): Partial<Record<Action, () => void>> {
  return useMemo(() => {
    const inHand = (act: (label: number) => void) => () => {
      const { label } = session.editor.getState();
      if (label === BACKGROUND) tell("Take a label first: background has no structure.");
      else act(label);
    };
    const acts = STRUCTURE_ACTS.map(({ action, run }) => [action, inHand((label) => run(session, label))]);
    const menu = inHand((label) =>
      document.querySelector<HTMLElement>(`[data-structure-menu="${label}"]`)?.click(),
    );
    return { ...Object.fromEntries(acts), "structure.menu": menu };
  }, [session]);
}
