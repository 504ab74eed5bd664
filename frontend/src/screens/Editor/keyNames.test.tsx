// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import { capsOf, KeyHint, nameKeys } from "./keyNames";
import { keyMapFor } from "./keys";

it("hints name the keys of a person, by what stands on their keyboard", () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const host = document.createElement("div");
  const root = createRoot(host);
  const hinted = ["B", "N", "Alt ↑ / Alt ↓", "[ / ]"];
  act(() => root.render(hinted.map((keys) => <KeyHint key={keys}>{keys}</KeyHint>)));
  const hints = () => [...host.children].map((hint) => hint.textContent);
  expect(hints()).toEqual(hinted);
  act(() =>
    nameKeys(keyMapFor([]), { b: "alt+q", n: null, e: "n" }, capsOf(new Map([["BracketLeft", "ü"]]))),
  );
  expect(hints()).toEqual(["Alt Q", "no key", "Alt ↑ / Alt ↓", "Ü / ]"]);
  act(() => root.unmount());
  vi.unstubAllGlobals();
});
