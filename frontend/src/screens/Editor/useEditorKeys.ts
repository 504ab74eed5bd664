import { type Action, type EditorSession, type Keyboard, type KeyMap, runEditorAction } from "../../editor";
import { useKeyboard } from "./useKeyboard";

interface Meanings {
  session: EditorSession;
  /** This person's keys. */
  map: KeyMap;
  /** What the engine leaves to the screen. */
  onAction: Partial<Record<Action, () => void>>;
  /** What comes before the engine; true: it was done. */
  before: Partial<Record<Action, () => boolean>>;
  /** Begun and ended. */
  onHold: Partial<Record<Action, (held: boolean) => void>>;
}

/** Keys of the editor while it is on the screen. */
export function useEditorKeys({ session, map, before, onAction, onHold }: Meanings): Keyboard {
  return useKeyboard(map, (action, phase) => {
    session.touched("key");
    if (phase === "tap" && before[action]?.()) return;
    if (runEditorAction(session.editor, action, phase)) return;
    if (phase === "tap") onAction[action]?.();
    else onHold[action]?.(phase === "start");
  });
}
