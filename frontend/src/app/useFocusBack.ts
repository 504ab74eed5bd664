import { useEffect } from "react";

/** For a dialog over the editor that is taken out of the page to close: keys are for the picture again. */
export function useFocusBack(): void {
  useEffect(
    () => () => document.querySelector<HTMLElement>('[role="application"]')?.focus({ preventScroll: true }),
    [],
  );
}
