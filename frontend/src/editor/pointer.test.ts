import { beforeEach, describe, expect, test } from "vitest";
import { attachPointer, type FingerDraws } from "./pointer";
import { Bench, drawn, text } from "./testing/support";
import { type ScreenPoint, toScreen } from "./transform";
import { attachWindowLevel } from "./windowLevel";

/** Just enough of an element: a target of events with a place on the page. */
class Surface extends EventTarget {
  readonly style: Record<string, string> = {};
  readonly clientLeft = 0;
  readonly clientTop = 0;
  captured: number | null = null;

  getBoundingClientRect() {
    return { left: 10, top: 20 };
  }

  setPointerCapture(id: number) {
    this.captured = id;
  }
}

interface Told {
  type?: "mouse" | "pen" | "touch";
  id?: number;
  button?: number;
  buttons?: number;
  pressure?: number;
  at?: number;
  shift?: boolean;
  coalesced?: [number, number][];
}

let surface: Surface;
let bench: Bench;
let finger: FingerDraws;
let now: number;

beforeEach(() => {
  surface = new Surface();
  bench = new Bench(drawn("......", "......", "......", "......"));
  finger = "auto";
  now = 10_000;
  attachPointer(surface as unknown as HTMLElement, bench.editor, { fingerDraws: () => finger });
});

/** An event at an image point, 10 ms after the one before. */
function send(name: string, x: number, y: number, told: Told = {}): void {
  const { type = "mouse", id = 1, button = 0, buttons = 1, pressure = 0.5, shift = false } = told;
  const at = (px: number, py: number) => {
    const { x: left, y: top } = toScreen(bench.editor.view, { x: px, y: py });
    return { clientX: left + 10, clientY: top + 20, pointerType: type, pressure };
  };
  now = told.at ?? now + 10;
  const event = new Event(name, { cancelable: true });
  const more = {
    pointerId: id,
    button,
    buttons,
    shiftKey: shift,
    altKey: false,
    ctrlKey: false,
    metaKey: false,
  };
  const coalesced = (told.coalesced ?? []).map(([px, py]) => at(px, py));
  for (const [key, value] of Object.entries({
    ...at(x, y),
    ...more,
    timeStamp: now,
    getCoalescedEvents: () => coalesced,
  }))
    Object.defineProperty(event, key, { value });
  surface.dispatchEvent(event);
}

const press = (x: number, y: number, told: Told = {}) => {
  send("pointerdown", x, y, told);
  send("pointerup", x, y, { ...told, buttons: 0 });
};
const shown = () => text(bench.map).join("/");
const EMPTY = "....../....../....../......";

describe("a mouse", () => {
  test("paints through every coalesced place, captured", () => {
    send("pointerdown", 0.5, 0.5);
    send("pointermove", 4.5, 0.5, {
      coalesced: [
        [0.5, 2.5],
        [4.5, 2.5],
      ],
    });
    send("pointerup", 4.5, 2.5);
    expect(surface.captured).toBe(1);
    expect(shown()).toBe("1...../1...../11111./......");
  });

  test("pans with the middle button and does nothing with the right one", () => {
    const before = bench.editor.view;
    press(1.5, 1.5, { button: 2, buttons: 2 });
    send("pointerdown", 1.5, 1.5, { button: 1, buttons: 4 });
    send("pointermove", 2.5, 1.5, { buttons: 4 });
    send("pointerup", 2.5, 1.5, { button: 1, buttons: 0 });
    expect(shown()).toBe(EMPTY);
    expect(bench.editor.view).not.toEqual(before);
    expect(bench.editor.isPanHeld).toBe(false);
  });
});

describe("a pen", () => {
  test("tells its pressure and the keys held, hovering too; a mouse tells none", () => {
    const seen: ScreenPoint[] = [];
    const shifts: boolean[] = [];
    bench.editor.pointerMove = (places, modifiers) => {
      seen.push(...places);
      shifts.push(modifiers?.shift ?? false);
    };
    send("pointermove", 1, 1, { type: "pen", pressure: 0, shift: true });
    send("pointerdown", 1, 1, { type: "pen" });
    send("pointermove", 2, 1, { type: "pen", pressure: 0.8 });
    send("pointerup", 2, 1, { type: "pen" });
    send("pointermove", 2, 1, { pressure: 0.5 });
    expect(seen.map(({ pressure }) => pressure)).toEqual([0, 0.8, undefined]);
    expect(shifts).toEqual([true, false, false]);
  });

  test("that rests on its stroke for long is not disturbed by the hand", () => {
    const { view } = bench.editor;
    send("pointerdown", 1.5, 1.5, { type: "pen" });
    now += 900;
    send("pointerdown", 0.5, 3.5, { type: "touch", id: 8 });
    send("pointerdown", 3.5, 3.5, { type: "touch", id: 9 });
    send("pointermove", 5.5, 3.5, { type: "touch", id: 9 });
    send("pointermove", 2.5, 1.5, { type: "pen" });
    send("pointerup", 2.5, 1.5, { type: "pen" });
    expect(shown()).toBe("....../.11.../....../......");
    expect(bench.editor.view).toEqual(view);
  });

  test("erases with its other end, then has its tool again", () => {
    press(1.5, 1.5, { type: "pen" });
    press(3.5, 1.5, { type: "pen" });
    expect(shown()).toBe("....../.1.1../....../......");
    press(1.5, 1.5, { type: "pen", button: 5, buttons: 32 });
    expect(shown()).toBe("....../...1../....../......");
    expect(bench.editor.getState().tool).toBe("brush");
  });

  test("pans with its barrel button", () => {
    press(1.5, 1.5, { type: "pen", button: 2, buttons: 2 });
    expect(shown()).toBe(EMPTY);
    expect(bench.editor.isPanHeld).toBe(false);
  });

  test("the hand beside it does nothing, and what the hand began before it is taken back", () => {
    send("pointerdown", 4.5, 3.5, { type: "touch", id: 7 });
    send("pointerdown", 1.5, 1.5, { type: "pen", id: 2 });
    send("pointermove", 4.5, 2.5, { type: "touch", id: 7 });
    send("pointerdown", 5.5, 3.5, { type: "touch", id: 8 });
    send("pointerup", 1.5, 1.5, { type: "pen", id: 2 });
    send("pointerup", 5.5, 3.5, { type: "touch", id: 8 });
    expect(shown()).toBe("....../.1..../....../......");
  });
});

describe("fingers", () => {
  test("one draws while no pen was used; after that it pans, unless set otherwise", () => {
    press(1.5, 1.5, { type: "touch" });
    expect(shown()).toBe("....../.1..../....../......");
    press(3.5, 1.5, { type: "pen", id: 2 });
    now += 5000;
    const before = bench.editor.view;
    send("pointerdown", 5.5, 1.5, { type: "touch" });
    send("pointermove", 5.5, 2.5, { type: "touch" });
    send("pointerup", 5.5, 2.5, { type: "touch" });
    expect(shown()).toBe("....../.1.1../....../......");
    expect(bench.editor.view).not.toEqual(before);
    finger = "always";
    bench.editor.fitToScreen();
    press(5.5, 3.5, { type: "touch" });
    expect(shown()).toBe("....../.1.1../....../.....1");
    finger = "never";
    press(0.5, 0.5, { type: "touch" });
    expect(shown()).toBe("....../.1.1../....../.....1");
  });

  test("two zoom about their middle; what the first had just begun leaves no trace", () => {
    const { scale } = bench.editor.view;
    send("pointerdown", 2, 2, { type: "touch", id: 1 });
    send("pointerdown", 4, 2, { type: "touch", id: 2 });
    send("pointermove", 3, 2, { type: "touch", id: 2 });
    expect(bench.editor.view.scale).toBeCloseTo(scale / 2);
    send("pointerup", 5, 2, { type: "touch", id: 2 });
    send("pointermove", 1, 1, { type: "touch", id: 1 });
    send("pointerup", 1, 1, { type: "touch", id: 1 });
    expect(shown()).toBe(EMPTY);
    expect(bench.editor.getState().canUndo).toBe(false);
  });

  test("a stroke that was meant stays when a second finger comes down", () => {
    send("pointerdown", 0.5, 0.5, { type: "touch", id: 1 });
    send("pointermove", 3.5, 0.5, { type: "touch", id: 1 });
    send("pointerdown", 3.5, 3.5, { type: "touch", id: 2, at: now + 1000 });
    expect(shown()).toBe("1111../....../....../......");
    bench.editor.undo();
    expect(shown()).toBe(EMPTY);
  });

  test("a long press opens nothing", () => {
    const event = new Event("contextmenu", { cancelable: true });
    surface.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(true);
  });
});

describe("the right button", () => {
  const pins = () =>
    bench.editor.preview().flatMap((shape) => (shape.kind === "pin" ? [shape.positive] : []));

  test("clicked it says “not here” to the click tool; dragged it sets window and level with any tool", () => {
    attachWindowLevel(surface as unknown as HTMLElement, bench.editor);
    const { editor } = bench;
    /** To a place so many CSS pixels away. */
    const right = (away = 2) => {
      const to = 2 + away / editor.scale;
      send("pointerdown", 2, 2, { button: 2, buttons: 2 });
      send("pointermove", to, 2, { button: 2, buttons: 2 });
      send("pointerup", to, 2, { button: 2, buttons: 0 });
    };
    editor.setAssist({ ask: () => new Promise(() => undefined), accepted: () => undefined });
    editor.setTool("clicks");
    const { display } = editor.getState();
    right();
    right(); // twice in a row: two places, not "as stored"
    press(4, 2);
    expect(pins()).toEqual([false, false, true]);
    expect(editor.getState().display).toEqual(display);
    right(40);
    expect(pins()).toEqual([false, false, true]);
    expect(editor.getState().display.window).toBe(display.window + 30);
    editor.setDisplay(display);
    editor.setTool("brush");
    right();
    expect(shown()).toBe(EMPTY);
    expect(editor.getState().display).not.toEqual(display);
  });
});

/** A turn of the wheel over the middle of the picture. */
function turn(deltaY: number, altKey: boolean): void {
  const event = new Event("wheel", { cancelable: true });
  const told = { deltaY, deltaMode: 0, altKey, ctrlKey: false, clientX: 60, clientY: 60, timeStamp: now };
  for (const [key, value] of Object.entries(told)) Object.defineProperty(event, key, { value });
  surface.dispatchEvent(event);
}

describe("the wheel", () => {
  test("zooms; with Alt it changes the brush, a notch a step, in small parts too", () => {
    const { editor } = bench;
    const { scale } = editor;
    turn(100, false);
    expect(editor.scale).toBeLessThan(scale);
    editor.setBrushSize(20);
    const zoomed = editor.scale;
    turn(-100, true);
    expect(editor.brushSize).toBe(23);
    turn(100, true);
    expect(editor.brushSize).toBe(20);
    for (let part = 0; part < 10; part++) turn(-10, true);
    expect(editor.brushSize).toBe(23);
    expect(editor.scale).toBe(zoomed);
  });
});
