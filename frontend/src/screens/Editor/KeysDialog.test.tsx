// @vitest-environment happy-dom
import { MantineProvider } from "@mantine/core";
import { act, useState } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DEFAULT_HANDS, type Hands } from "./hands";
import { KeysDialog } from "./KeysDialog";
import { keyMapFor } from "./keys";

let root: Root;
let kept: Hands;

function Dialog({ first }: { first: Hands }) {
  const [hands, setHands] = useState(first);
  kept = hands;
  return (
    <MantineProvider env="test">
      <KeysDialog
        base={keyMapFor([], hands.hand)}
        labels={[]}
        hands={hands}
        setHands={setHands}
        isKept
        onClose={() => undefined}
      />
    </MantineProvider>
  );
}

const open = (first: Hands = DEFAULT_HANDS) => act(async () => root.render(<Dialog first={first} />));
const nameOf = (element: Element | null) => element?.getAttribute("aria-label") ?? element?.textContent ?? "";
const button = (name: string) => {
  const found = [...document.querySelectorAll("button")].find((one) => nameOf(one).startsWith(name));
  if (!found) throw new Error(`no button ${name}`);
  return found;
};
/** As from the keyboard: the button has the focus. */
const press = (name: string) =>
  act(async () => {
    button(name).focus();
    button(name).click();
  });
const type = (key: string, code: string, more: KeyboardEventInit = {}) =>
  act(async () => {
    (document.activeElement ?? document.body).dispatchEvent(
      new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true, ...more }),
    );
  });
const focused = () => nameOf(document.activeElement);
const told = () => document.querySelector("[role=status]")?.textContent ?? "";
const question = () => document.querySelector("[role=alert]")?.textContent ?? "";

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const host = document.body.appendChild(document.createElement("div"));
  root = createRoot(host);
});
afterEach(async () => {
  await act(async () => root.unmount());
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

describe("the question about a key that another has", () => {
  it("takes the focus, and gives it back to the row once it is answered", async () => {
    await open();
    await press("Polygon: P");
    await type("b", "KeyB");
    expect(question()).toContain("B is “Brush” now, which would have no key.");
    expect(focused()).toBe("Take it");
    await press("Take it");
    expect(focused()).toBe("Polygon: B. Change");
    expect(told()).toContain("Without a key: Brush.");
  });

  it("… also by asking for another key, or leaving", async () => {
    await open();
    await press("Polygon: P");
    await type("b", "KeyB");
    await press("Another key");
    expect(focused()).toBe("Press the new key for Polygon");
    await type("e", "KeyE");
    expect(focused()).toBe("Take it");
    await type("Escape", "Escape");
    expect(focused()).toBe("Polygon: P. Change");
    expect(kept.keys).toEqual({});
  });

  it("says where the other would be instead", async () => {
    await open({ ...DEFAULT_HANDS, hand: "left" });
    await press("Polygon: P");
    await type("n", "KeyN");
    expect(question()).toContain("N is “Brush” now, which would be on B.");
  });
});

describe("keys that are nobody's", () => {
  it.each([
    ["Polygon: P", "r", "KeyR", { ctrlKey: true }, "Ctrl R is for the browser: it loads the page again."],
    ["Polygon: P", "F5", "F5", {}, "F5 is for the browser: it keeps the F keys."],
    ["Polygon: P", "Tab", "Tab", { shiftKey: true }, "Shift Tab is for the browser: it walks"],
    ["Pick or unpick: X", "Tab", "Tab", {}, "Tab is for the browser: it walks"],
  ])("%s is not given %s", async (row, key, code, more, why) => {
    await open();
    await press(row);
    await type(key, code, more);
    expect(told()).toContain(why);
    expect(kept).toEqual(DEFAULT_HANDS);
  });
});

describe("the hand and what a person changed", () => {
  const own: Hands = { ...DEFAULT_HANDS, keys: { p: "alt+q" }, wall: { j: "l" }, finger: "never" };
  const switchTo = (hand: string) =>
    act(async () => document.querySelector<HTMLInputElement>(`input[value=${hand}]`)?.click());

  it("leaves them when the hand is switched, there and back", async () => {
    await open(own);
    await switchTo("left");
    expect(kept).toEqual({ ...own, hand: "left" });
    expect(button("Brush:").textContent).toBe("N");
    expect(button("Polygon:").textContent).toBe("Alt Q");
    await press("Eraser: I");
    await type("j", "KeyJ", { altKey: true });
    expect(kept).toEqual({ ...own, hand: "left", keys: { p: "alt+q", e: "alt+j" } });
    await switchTo("right");
    expect(button("Eraser:").textContent).toBe("Alt J");
  });

  it("resets the keys alone, and takes that back", async () => {
    await open({ ...own, hand: "left" });
    await press("Reset all");
    expect(kept).toEqual({ ...DEFAULT_HANDS, hand: "left", finger: "never" });
    await press("Reset all"); // there is nothing left to reset, nor to lose
    await press("Undo");
    expect(kept).toEqual({ ...own, hand: "left" });
    expect(focused()).toBe("Reset all");
  });
});
