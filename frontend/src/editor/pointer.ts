import type { Editor } from "./editor";
import type { ScreenPoint } from "./transform";

/** Zoom of one notch of a wheel (100 CSS pixels of `deltaY`). */
const WHEEL_FACTOR = 1.2;

/**
 * Bring mouse, pen and touch from an element to an editor. Returns the function that stops it.
 *
 * Left button or pen: the tool. Middle button: pan. Wheel: zoom. Two fingers: pan and zoom, and the
 * first finger's stroke leaves no trace. `onUse` is called whenever the pointer goes down.
 */
export function attachPointer(element: HTMLElement, editor: Editor, onUse?: () => void): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  /** The fingers down, by pointer id. */
  const touches = new Map<number, ScreenPoint>();
  /** The pointer the tool follows. */
  let drawing: number | null = null;
  let middle = false;

  // The element's place is asked for once a press: asking on every move would force a layout.
  let origin = { left: 0, top: 0 };
  const locate = () => {
    const { left, top } = element.getBoundingClientRect();
    origin = { left: left + element.clientLeft, top: top + element.clientTop };
  };
  const place = (event: MouseEvent): ScreenPoint => ({
    x: event.clientX - origin.left,
    y: event.clientY - origin.top,
  });
  const endMiddle = () => {
    if (middle) editor.holdPan(false);
    middle = false;
  };

  element.style.touchAction = "none"; // or the browser would scroll and zoom the page instead

  element.addEventListener(
    "pointerdown",
    (event) => {
      locate();
      onUse?.();
      if (event.pointerType === "touch") {
        touches.set(event.pointerId, place(event));
        if (touches.size === 2) {
          editor.pointerLost();
          drawing = null;
        }
        if (touches.size > 1) return;
      }
      if (drawing !== null || (event.button !== 0 && event.button !== 1)) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      drawing = event.pointerId;
      if (event.button === 1 && !editor.isPanHeld) {
        editor.holdPan(true);
        middle = true;
      }
      editor.pointerDown(place(event));
    },
    { signal },
  );

  element.addEventListener(
    "pointermove",
    (event) => {
      if (touches.size >= 2 && touches.has(event.pointerId)) {
        pinch(event);
        return;
      }
      if (drawing !== null && event.pointerId !== drawing) return;
      if (drawing === null) {
        if (event.pointerType === "touch") return;
        locate();
      }
      // All places since the last refresh: without them fast strokes would have corners.
      const events = drawing === null ? [] : event.getCoalescedEvents();
      editor.pointerMove((events.length > 0 ? events : [event]).map(place));
    },
    { signal },
  );

  const pinch = (event: PointerEvent) => {
    const before = [...touches.values()];
    touches.set(event.pointerId, place(event));
    const after = [...touches.values()];
    const [was, is] = [spanOf(before), spanOf(after)];
    editor.panBy(is.middle.x - was.middle.x, is.middle.y - was.middle.y);
    if (was.length > 0) editor.zoomAbout(is.middle, is.length / was.length);
  };

  element.addEventListener(
    "pointerup",
    (event) => {
      touches.delete(event.pointerId);
      if (event.pointerId !== drawing) return;
      drawing = null;
      editor.pointerUp(place(event));
      endMiddle();
    },
    { signal },
  );

  const lost = (event: PointerEvent) => {
    touches.delete(event.pointerId);
    if (event.pointerId !== drawing) return;
    drawing = null;
    editor.pointerLost();
    endMiddle();
  };
  element.addEventListener("pointercancel", lost, { signal });
  element.addEventListener("lostpointercapture", lost, { signal });
  element.addEventListener("pointerleave", () => drawing === null && editor.pointerLeft(), { signal });
  element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      locate();
      // Firefox may count in lines (16 px each); a pinch on a touch pad comes as Ctrl and small steps.
      const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      editor.zoomAbout(place(event), WHEEL_FACTOR ** (-pixels / (event.ctrlKey ? 10 : 100)));
    },
    { signal, passive: false },
  );
  return () => stop.abort();
}

function spanOf([a, b]: readonly ScreenPoint[]): { middle: ScreenPoint; length: number } {
  return {
    middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
    length: Math.hypot(a.x - b.x, a.y - b.y),
  };
}
