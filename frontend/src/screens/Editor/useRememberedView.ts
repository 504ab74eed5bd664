import { useEffect } from "react";
import type { Display, EditorSession, EditorState, ToolOptions } from "../../editor";

interface View {
  opacity: number;
  outlinesOnly: boolean;
  display: Partial<Display>;
  amounts: Partial<Amounts>;
}

/** What a label as a whole is changed by: pixels of islands that go, pixels to grow, shrink and smooth by. */
export type Amounts = Pick<ToolOptions, "islandBelow" | "growBy" | "smoothBy">;

/** What each may be, both ends included. */
const AMOUNT_RANGE: Readonly<Record<keyof Amounts, readonly [number, number]>> = {
  islandBelow: [2, 100_000],
  growBy: [1, 50],
  smoothBy: [1, 20],
};
const NAMES = Object.keys(AMOUNT_RANGE) as (keyof Amounts)[];

function viewOf({ opacity, outlinesOnly, display, options }: EditorState): View {
  const { islandBelow, growBy, smoothBy } = options;
  return { opacity, outlinesOnly, display, amounts: { islandBelow, growBy, smoothBy } };
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
    if (kept.amounts) editor.setOptions(kept.amounts);
    let last = editor.getState();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const keep = () => localStorage.setItem(name, JSON.stringify(viewOf(editor.getState())));
    const stop = editor.on("state", (state) => {
      const before = last;
      last = state;
      const isSame =
        state.opacity === before.opacity &&
        state.outlinesOnly === before.outlinesOnly &&
        state.display === before.display &&
        NAMES.every((name) => state.options[name] === before.options[name]);
      if (isSame) return;
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
  const { opacity, outlinesOnly, display, amounts } = found as Record<string, unknown>;
  return {
    ...(typeof opacity === "number" && Number.isFinite(opacity) ? { opacity } : {}),
    ...(typeof outlinesOnly === "boolean" ? { outlinesOnly } : {}),
    ...(typeof display === "object" && display !== null ? { display } : {}),
    ...(typeof amounts === "object" && amounts !== null
      ? { amounts: readAmounts(amounts as Record<string, unknown>) }
      : {}),
  };
}

function readAmounts(found: Record<string, unknown>): Partial<Amounts> {
  const fits = (name: keyof Amounts) => {
    const value = found[name];
    const [least, most] = AMOUNT_RANGE[name];
    return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  };
  return Object.fromEntries(NAMES.filter(fits).map((name) => [name, found[name]]));
}
