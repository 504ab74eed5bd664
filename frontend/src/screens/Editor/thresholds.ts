import { useCallback, useSyncExternalStore } from "react";
import type { Editor, Labelmap } from "../../editor";

/** Steps that took out of a draft what the model was not sure of. */
const taken = new WeakSet<object>();

/** Put a draft without some of its pixels in place, as one undo step that is known again. */
export function takeOut(editor: Editor, map: Labelmap): void {
  editor.applyMap(map);
  const step = editor.openFrame?.document.history.past.at(-1);
  if (step) taken.add(step);
}

/** The open frame holds its draft still, whole or without what was taken out of it: nobody drew in it. */
export function isStillDraft(editor: Editor, isSaved: boolean): boolean {
  const history = editor.openFrame?.document.history;
  if (!history?.past.every((step) => taken.has(step))) return false;
  // Saved by those very steps, also where they are undone: they can only be made in a draft.
  return !isSaved || [...history.past, ...history.future].some((step) => taken.has(step));
}

/** Something of the editor that steps change: asked at every step, rendered only where the answer is another. */
export function useAtStep<Answer extends number | boolean>(editor: Editor, ask: () => Answer): Answer {
  return useSyncExternalStore(
    useCallback((listener) => editor.on("edited", listener), [editor]),
    ask,
  );
}
