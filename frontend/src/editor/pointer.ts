import type { Editor } from "./editor";
import type { Modifiers, ToolName } from "./tools";
import type { ScreenPoint } from "./transform";

/** CSS pixels of `deltaY` in one notch of a wheel, and its zoom. A touch pad sends many small parts of one. */
const NOTCH = 100;
const WHEEL_FACTOR = 1.2;
/** A finger's stroke older than this, in milliseconds, is meant: a second finger ends it and does not undo it. */
const MEANT_AFTER = 400;
/** So long after the pen was last seen, in milliseconds, a touch is the hand that holds it. */
const PALM_AFTER = 500;

/** Bits of `PointerEvent.buttons` on a pen. */
const BARREL = 2;
const ERASER_END = 32;

/** Whether one finger draws: always, never, or until a pen is used. Fingers that do not draw pan. */
export type FingerDraws = "auto" | "always" | "never";

export interface PointerOptions {
  /** Called whenever the pointer goes down on the picture. */
  readonly onUse?: () => void;
  /** Asked at every touch. */
  readonly fingerDraws?: () => FingerDraws;
}

/**
 * Bring mouse, pen and touch from an element to an editor. Returns the function that stops it.
 *
 * Left button or pen: the tool, with the pen's pressure. Its other end erases; with its barrel button, and with the
 * middle mouse button, it pans. A click of the right button is the tool's where it wants it, as one with Alt is; dragged,
 * that button sets window and level (windowLevel.ts). Wheel: zoom; with Alt: size of the brush. One finger draws, or pans
 * once a pen was used. Two fingers pan and zoom, and what the first one had just begun leaves no trace. While the pen is
 * near, touches are the hand and do nothing.
 */
export function attachPointer(
  element: HTMLElement,
  editor: Editor,
  { onUse, fingerDraws = () => "auto" }: PointerOptions = {},
): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  /** The fingers down, by pointer id. */
  const touches = new Map<number, ScreenPoint>();
  /** The pointer the tool follows. */
  let drawing: { id: number; isTouch: boolean; since: number } | null = null;
  /** The right button is down for a tool that takes its clicks, and has not been dragged. */
  let rightClick: { id: number; at: ScreenPoint } | null = null;
  /** What is put back when the pointer comes up: the tool in hand before the eraser end, or no panning. */
  let putBack: (() => void) | null = null;
  let penSeenAt: number | null = null;
  /** Of the wheel with Alt, less than a notch. */
  let turned = 0;

  // The element's place is asked for once a press: asking on every move would force a layout.
  let origin = { left: 0, top: 0 };
  const locate = () => {
    const { left, top } = element.getBoundingClientRect();
    origin = { left: left + element.clientLeft, top: top + element.clientTop };
  };
  const place = (event: MouseEvent): ScreenPoint => {
    const at = { x: event.clientX - origin.left, y: event.clientY - origin.top };
    const isPen = "pointerType" in event && event.pointerType === "pen";
    return isPen ? { ...at, pressure: (event as PointerEvent).pressure } : at;
  };
  const release = () => {
    drawing = null;
    putBack?.();
    putBack = null;
  };
  const pan = () => {
    if (editor.isPanHeld) return;
    editor.holdPan(true);
    putBack = () => editor.holdPan(false);
  };
  const take = (tool: ToolName) => {
    const before = editor.getState().tool;
    editor.setTool(tool);
    putBack = () => editor.setTool(before);
  };
  const isPalm = (event: PointerEvent) => penSeenAt !== null && event.timeStamp - penSeenAt < PALM_AFTER;
  const mayFingerDraw = () => {
    const setting = fingerDraws();
    return setting === "always" || (setting === "auto" && penSeenAt === null);
  };

  element.style.touchAction = "none"; // or the browser would scroll and zoom the page instead
  element.style.userSelect = "none"; // or a long press would select, and ask what to do with it

  const touchDown = (event: PointerEvent): "draws" | "pans" | "nothing" => {
    // A pen that rests sends nothing for as long as it rests.
    if (isPalm(event) || (drawing !== null && !drawing.isTouch)) return "nothing";
    touches.set(event.pointerId, place(event));
    if (touches.size === 2 && drawing?.isTouch) {
      const first = touches.get(drawing.id);
      if (first && event.timeStamp - drawing.since > MEANT_AFTER) editor.pointerUp(first, modifiersOf(event));
      else editor.pointerLost();
      release();
    }
    if (touches.size > 1) return "nothing";
    return mayFingerDraw() ? "draws" : "pans";
  };

  element.addEventListener(
    "pointerdown",
    (event) => {
      locate();
      onUse?.();
      const isTouch = event.pointerType === "touch";
      if (event.pointerType === "pen") {
        penSeenAt = event.timeStamp;
        touches.clear();
        // The hand came down before the pen did: what it drew was not meant.
        if (drawing?.isTouch) {
          editor.pointerLost();
          release();
        }
      }
      const finger = isTouch ? touchDown(event) : null;
      if (finger === "nothing" || drawing !== null) return;
      const isEraser = event.pointerType === "pen" && (event.buttons & ERASER_END) !== 0;
      const isBarrel = event.pointerType === "pen" && (event.buttons & BARREL) !== 0;
      if (event.button === 2 && !isBarrel && editor.takesRightButton)
        rightClick = { id: event.pointerId, at: place(event) };
      if (event.button !== 0 && event.button !== 1 && !isEraser && !isBarrel) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      drawing = { id: event.pointerId, isTouch, since: event.timeStamp };
      if (event.button === 1 || isBarrel || finger === "pans") pan();
      else if (isEraser) take("eraser");
      editor.pointerDown(place(event), modifiersOf(event));
    },
    { signal },
  );

  element.addEventListener(
    "pointermove",
    (event) => {
      if (event.pointerType === "pen") penSeenAt = event.timeStamp;
      if (touches.size >= 2 && touches.has(event.pointerId)) {
        pinch(event);
        return;
      }
      if (event.pointerId === rightClick?.id && isDrag(rightClick.at, place(event))) rightClick = null;
      if (drawing !== null && event.pointerId !== drawing.id) return;
      if (drawing === null) {
        if (event.pointerType === "touch") return;
        locate();
      } else if (touches.has(event.pointerId)) touches.set(event.pointerId, place(event));
      // All places since the last refresh: without them fast strokes would have corners.
      const events = drawing === null ? [] : (event.getCoalescedEvents?.() ?? []);
      editor.pointerMove((events.length > 0 ? events : [event]).map(place), modifiersOf(event));
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
      if (event.pointerId === rightClick?.id && event.button === 2) {
        const { at } = rightClick;
        rightClick = null;
        if (drawing !== null) return;
        editor.pointerDown(at, { ...modifiersOf(event), alt: true });
        editor.pointerUp(at, { ...modifiersOf(event), alt: true });
      }
      if (event.pointerId !== drawing?.id) return;
      editor.pointerUp(place(event), modifiersOf(event));
      release();
    },
    { signal },
  );

  const lost = (event: PointerEvent) => {
    touches.delete(event.pointerId);
    if (event.pointerId === rightClick?.id) rightClick = null;
    if (event.pointerId !== drawing?.id) return;
    editor.pointerLost();
    release();
  };
  element.addEventListener("pointercancel", lost, { signal });
  element.addEventListener("lostpointercapture", lost, { signal });
  element.addEventListener("pointerleave", () => drawing === null && editor.pointerLeft(), { signal });
  // A long press and the right button: nothing.
  element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      locate();
      // Firefox may count in lines (16 px each); a pinch on a touch pad comes as Ctrl and small steps.
      const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      if (event.altKey) {
        turned += pixels;
        const notches = Math.trunc(turned / NOTCH);
        turned -= notches * NOTCH;
        for (let i = 0; i < Math.abs(notches); i++) editor.growBrush(notches < 0 ? 1 : -1);
        return;
      }
      editor.zoomAbout(place(event), WHEEL_FACTOR ** (-pixels / (event.ctrlKey ? NOTCH / 10 : NOTCH)));
    },
    { signal, passive: false },
  );
  return () => {
    stop.abort();
    release();
  };
}

/** CSS pixels a press must travel before it is a drag. */
const DRAG = 6;

export function isDrag(from: ScreenPoint, to: ScreenPoint): boolean {
  return Math.hypot(to.x - from.x, to.y - from.y) >= DRAG;
}

function modifiersOf(event: MouseEvent): Modifiers {
  return { shift: event.shiftKey, alt: event.altKey, mod: event.ctrlKey || event.metaKey };
}

function spanOf([a, b]: readonly ScreenPoint[]): { middle: ScreenPoint; length: number } {
  return {
    middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
    length: Math.hypot(a.x - b.x, a.y - b.y),
  };
}
