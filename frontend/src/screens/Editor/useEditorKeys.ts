import { type Action, type EditorSession, type Keyboard, type KeyMap, runEditorAction } from "../../editor";
import { useKeyboard } from "./useKeyboard";

interface Meanings {
  session: EditorSession;
  /** This person's keys. */
  map: KeyMap;
  /** What the engine leaves to the screen. */
  onAction: Partial<Record<Action, () => void>>;
  /** Begun and ended. */
  onHold: Partial<Record<Action, (held: boolean) => void>>;
}

/** Keys of the editor while it is on the screen. */
export function useEditorKeys({ session, map, onAction, onHold }: Meanings): Keyboard {
  return useKeyboard(map, (action, phase) => {
    session.touched("key");
    if (runEditorAction(session.editor, action, phase)) return;
    if (phase === "tap") onAction[action]?.();
    else onHold[action]?.(phase === "start");
  });
}
