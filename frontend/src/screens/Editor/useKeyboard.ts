import { useEffect, useMemo, useRef } from "react";
import { type Action, type ActionPhase, attachKeyboard, Keyboard, type KeyMap } from "../../editor";

/** A person's keys while a screen is shown. Silent while a dialog or a menu is open. */
export function useKeyboard(map: KeyMap, run: (action: Action, phase: ActionPhase) => void): Keyboard {
  const current = useRef(run);
  useEffect(() => {
    current.current = run;
  });
  const keyboard = useMemo(() => new Keyboard((action, phase) => current.current(action, phase), map), [map]);
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
