import { describe, expect, test } from "vitest";
import { runEditorAction } from "./actions";
import type { Action } from "./keyboard";
import { Labelmap } from "./labelmap";
import { Bench } from "./testing/support";

function keyed() {
  const { editor } = new Bench(new Labelmap(8, 4));
  return { editor, press: (action: Action) => runEditorAction(editor, action, "tap") };
}

describe("labels by key", () => {
  test("next and previous walk all labels, round and round", () => {
    const { editor, press } = keyed();
    const walk = (action: Action) => {
      press(action);
      return editor.getState().label;
    };
    expect([1, 2, 3].map(() => walk("label.next"))).toEqual([2, 7, 1]);
    expect([1, 2, 3].map(() => walk("label.previous"))).toEqual([7, 2, 1]);
  });

  test("from background they go to the first and the last", () => {
    const { editor, press } = keyed();
    editor.setLabel(0);
    press("label.next");
    expect(editor.getState().label).toBe(1);
    editor.setLabel(0);
    press("label.previous");
    expect(editor.getState().label).toBe(7);
  });
});

describe("the label in hand by key", () => {
  test("is locked and unlocked, hidden and shown; background is neither", () => {
    const { editor, press } = keyed();
    press("label.lock");
    press("label.hide");
    expect([...editor.getState().locked, ...editor.getState().hidden]).toEqual([1, 1]);
    press("label.lock");
    press("label.hide");
    editor.setLabel(0);
    press("label.lock");
    press("label.hide");
    expect([...editor.getState().locked, ...editor.getState().hidden]).toEqual([]);
  });

  test("what is painted over: all, background, and the one label once it was chosen", () => {
    const { editor, press } = keyed();
    const rule = () => {
      press("paintOver");
      return editor.getState().paintOver;
    };
    expect([1, 2, 3].map(rule)).toEqual(["background", "all", "background"]);
    editor.setPaintOver(7);
    expect([1, 2, 3, 4].map(rule)).toEqual(["all", "background", 7, "all"]);
    editor.setLabels(editor.getState().labels.filter(({ index }) => index !== 7));
    expect([1, 2].map(rule)).toEqual(["background", "all"]);
  });
});

describe("the view by key", () => {
  test("zoom out and in again is where it was", () => {
    const { editor, press } = keyed();
    const { scale } = editor.view;
    press("view.zoomOut");
    expect(editor.view.scale).toBeLessThan(scale);
    press("view.zoomIn");
    expect(editor.view.scale).toBeCloseTo(scale);
  });

  test("pan left shows what lies to the left", () => {
    const { editor, press } = keyed();
    const { x, y } = editor.view;
    press("view.left");
    press("view.up");
    expect(editor.view.x).toBeGreaterThan(x);
    expect(editor.view.y).toBeGreaterThan(y);
    press("view.right");
    press("view.down");
    expect(editor.view).toMatchObject({ x, y });
  });

  test("opacity goes in steps and stays between nothing and all", () => {
    const { editor, press } = keyed();
    for (let step = 0; step < 9; step++) press("opacity.up");
    expect(editor.getState().opacity).toBe(1);
    for (let step = 0; step < 12; step++) press("opacity.down");
    expect(editor.getState().opacity).toBe(0);
  });
});
