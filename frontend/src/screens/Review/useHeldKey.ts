import { useEffect, useState } from "react";

/** Whether a key is down. Not while somebody types, and never stuck when the window loses the key. */
export function useHeldKey(key: string): boolean {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select");
      const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
      if (event.key.toLowerCase() === key && !isTyping && !hasModifier) setHeld(true);
    };
    const up = (event: KeyboardEvent) => event.key.toLowerCase() === key && setHeld(false);
    const gone = () => setHeld(false);
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", gone);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", gone);
    };
  }, [key]);
  return held;
}
