import { useEffect, useMemo, useRef } from "react";
import {
  type Action,
  attachKeyboard,
  type EditorSession,
  Keyboard,
  type KeyMap,
  runEditorAction,
} from "../../editor";

interface Meanings {
  session: EditorSession;
  /** This person's keys. */
  map: KeyMap;
  /** What the engine leaves to the screen. */
  onAction: Partial<Record<Action, () => void>>;
  /** Begun and ended. */
  onHold: Partial<Record<Action, (held: boolean) => void>>;
}

/** Keys of the editor while it is on the screen. Silent while a dialog or a menu is open. */
export function useEditorKeys({ session, map, onAction, onHold }: Meanings): Keyboard {
  const current = useRef({ onAction, onHold });
  useEffect(() => {
    current.current = { onAction, onHold };
  });
  const keyboard = useMemo(
    () =>
      new Keyboard((action, phase) => {
        session.touched("key");
        if (runEditorAction(session.editor, action, phase)) return;
        if (phase === "tap") current.current.onAction[action]?.();
        else current.current.onHold[action]?.(phase === "start");
      }, map),
    [session, map],
  );
  useEffect(() => {
    const stop = new AbortController();
    // Before the engine's own listener on the window, or a dialog could not silence it.
    const onKeyDown = (event: KeyboardEvent) => {
      if (document.querySelector('[role="dialog"], [role="menu"]')) event.stopImmediatePropagation();
    };
    window.addEventListener("keydown", onKeyDown, { signal: stop.signal });
    const stopKeys = attachKeyboard(keyboard);
    return () => {
      stop.abort();
      stopKeys();
    };
  }, [keyboard]);
  return keyboard;
}
