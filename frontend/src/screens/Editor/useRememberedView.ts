import { useEffect } from "react";
import type { Display, EditorSession } from "../../editor";

interface View {
  opacity: number;
  outlinesOnly: boolean;
  display: Partial<Display>;
}

/** How a person likes masks and pictures shown: it comes back with their next visit on this device. */
export function useRememberedView(session: EditorSession, userId: number): void {
  useEffect(() => {
    const name = `sonoloop.view.${userId}`;
    const { editor } = session;
    const kept = readView(localStorage.getItem(name));
    if (kept.opacity !== undefined) editor.setOpacity(kept.opacity);
    if (kept.outlinesOnly !== undefined) editor.setOutlinesOnly(kept.outlinesOnly);
    if (kept.display) editor.setDisplay(kept.display);
    let last = editor.getState();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const keep = () => {
      const { opacity, outlinesOnly, display } = editor.getState();
      localStorage.setItem(name, JSON.stringify({ opacity, outlinesOnly, display } satisfies View));
    };
    const stop = editor.on("state", (state) => {
      const { opacity, outlinesOnly, display } = last;
      last = state;
      if (state.opacity === opacity && state.outlinesOnly === outlinesOnly && state.display === display)
        return;
      clearTimeout(timer);
      timer = setTimeout(keep, 400); // a slider on its way is not written at every step
    });
    return () => {
      stop();
      clearTimeout(timer);
      keep();
    };
  }, [session, userId]);
}

/** What was kept, as far as it is what it should be: another version, or a person, may have written it. */
export function readView(text: string | null): Partial<View> {
  let found: unknown;
  try {
    found = JSON.parse(text ?? "{}");
  } catch {
    return {}; // no view of ours: the defaults are shown
  }
  if (typeof found !== "object" || found === null) return {};
  const { opacity, outlinesOnly, display } = found as Record<string, unknown>;
  return {
    ...(typeof opacity === "number" && Number.isFinite(opacity) ? { opacity } : {}),
    ...(typeof outlinesOnly === "boolean" ? { outlinesOnly } : {}),
    ...(typeof display === "object" && display !== null ? { display } : {}),
  };
}
