import { useEffect, useMemo, useRef } from "react";
import type { Label } from "../../api/types";
import { type Action, attachKeyboard, type EditorSession, Keyboard, runEditorAction } from "../../editor";
import { keyMapFor } from "./keys";

interface Meanings {
  session: EditorSession;
  labels: readonly Label[];
  /** What the engine leaves to the screen. */
  onAction: Partial<Record<Action, () => void>>;
  /** Begun and ended. */
  onHold: Partial<Record<Action, (held: boolean) => void>>;
  onReview: { accept: () => void; return: () => void };
}

/** Keys of the editor while it is on the screen. Silent while a dialog is open. */
export function useEditorKeys({ session, labels, onAction, onHold, onReview }: Meanings): Keyboard {
  const current = useRef({ onAction, onHold, onReview });
  useEffect(() => {
    current.current = { onAction, onHold, onReview };
  });
  const keyboard = useMemo(
    () =>
      new Keyboard((action, phase) => {
        if (runEditorAction(session.editor, action, phase)) return;
        if (phase === "tap") current.current.onAction[action]?.();
        else current.current.onHold[action]?.(phase === "start");
      }, keyMapFor(labels)),
    [session, labels],
  );
  useEffect(() => {
    const stop = new AbortController();
    const onKeyDown = (event: KeyboardEvent) => {
      if (document.querySelector('[role="dialog"]')) {
        event.stopImmediatePropagation();
        return;
      }
      const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select");
      if (typing || !event.shiftKey || event.ctrlKey || event.metaKey || event.repeat) return;
      if (event.code === "KeyY") current.current.onReview.accept();
      else if (event.code === "KeyN") current.current.onReview.return();
      else return;
      event.preventDefault();
    };
    // Before the engine's own listener on the window, or a dialog could not silence it.
    window.addEventListener("keydown", onKeyDown, { signal: stop.signal });
    const stopKeys = attachKeyboard(keyboard);
    return () => {
      stop.abort();
      stopKeys();
    };
  }, [keyboard]);
  return keyboard;
}
