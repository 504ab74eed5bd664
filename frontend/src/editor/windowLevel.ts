import type { Editor } from "./editor";
import { isDrag } from "./pointer";

/** Grey values per CSS pixel. */
const SPEED = 0.75;

/**
 * Dragging with the right button sets window (across) and level (down): the gesture of every viewer in a
 * hospital. A double click of that button shows the picture as it is stored; while a tool takes its clicks, they are
 * left to the tool. Returns the function that stops it.
 */
export function attachWindowLevel(element: HTMLElement, editor: Editor): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  let from: { id: number; x: number; y: number; window: number; level: number; mayClick: boolean } | null =
    null;
  let lastPress = Number.NEGATIVE_INFINITY;

  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 2 || event.pointerType !== "mouse") return;
      const mayClick = editor.takesRightButton;
      if (!mayClick && event.timeStamp - lastPress < 350) editor.setDisplay({ window: 255, level: 127.5 });
      lastPress = event.timeStamp;
      const { window, level } = editor.getState().display;
      from = { id: event.pointerId, x: event.clientX, y: event.clientY, window, level, mayClick };
      element.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      if (event.pointerId !== from?.id) return;
      if (from.mayClick && !isDrag(from, { x: event.clientX, y: event.clientY })) return;
      from.mayClick = false;
      editor.setDisplay({
        window: Math.round(from.window + (event.clientX - from.x) * SPEED),
        level: Math.round(from.level + (event.clientY - from.y) * SPEED),
      });
    },
    { signal },
  );
  const end = (event: PointerEvent) => {
    if (event.pointerId === from?.id) from = null;
  };
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"] as const)
    element.addEventListener(type, end, { signal });
  return () => stop.abort();
}
