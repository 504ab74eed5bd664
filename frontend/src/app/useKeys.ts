import { useEffect, useRef } from "react";

/** How long "G" waits for the second key. */
const SEQUENCE_MS = 1200;

function isTyping({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  // Switches and choices take no letters, only the keys that work them.
  if (target instanceof HTMLInputElement && /^(checkbox|radio)$/.test(target.type))
    return key === " " || key === "Enter" || key.startsWith("Arrow");
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/**
 * Binds keys while mounted: `{ a: annotate, "g c": openClips }`. Nothing fires while somebody types, holds a
 * modifier, or has a dialog open.
 */
export function useKeys(bindings: Record<string, () => void>): void {
  const current = useRef(bindings);
  useEffect(() => {
    current.current = bindings;
  });
  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event)) return;
      if (document.querySelector('[role="dialog"]')) return;
      const key = event.key.toLowerCase();
      const sequence = first && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${key}` : null;
      const action = (sequence && current.current[sequence]) || current.current[key];
      first = { key, at: event.timeStamp };
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}
