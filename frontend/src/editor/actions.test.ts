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
