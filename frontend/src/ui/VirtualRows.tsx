import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";

/**
 * Draws only the rows in view, so that ten thousand scroll as well as ten. Scrolls with the page (the layout's
 * `main`), not in a box of its own.
 */
export function VirtualRows({
  count,
  rowHeight,
  row,
  onNearEnd,
  goTo,
}: {
  count: number;
  rowHeight: number;
  row: (index: number) => ReactNode;
  /** Called when the last rows come into view: the place to ask for the next page. */
  onNearEnd?: () => void;
  /** A row to go to, once for each object, where it is not drawn: what is drawn brings itself into view. */
  goTo?: { readonly row: number };
}) {
  const box = useRef<HTMLDivElement>(null);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    setScroller(box.current?.closest("main") ?? document.documentElement);
  }, []);
  // What stands above the rows may grow or shrink at any time (uploads coming and going).
  useLayoutEffect(() => {
    if (!scroller || !box.current) return;
    const above = box.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
    setMargin(Math.round(above + scroller.scrollTop));
  });
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller,
    estimateSize: () => rowHeight,
    scrollMargin: margin,
    overscan: 6,
  });
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? -1;
  const nearEnd = count > 0 && last >= count - 6;
  const ask = useRef(onNearEnd);
  useLayoutEffect(() => {
    ask.current = onNearEnd;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new page that still ends in view asks again
  useLayoutEffect(() => {
    if (nearEnd) ask.current?.();
  }, [nearEnd, count]);
  useLayoutEffect(() => {
    virtual.measure();
    void rowHeight;
  }, [rowHeight, virtual]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: who scrolls away stays there
  useEffect(() => {
    if (!scroller || !goTo || items.some(({ index }) => index === goTo.row)) return;
    virtual.scrollToIndex(goTo.row, { align: "center" });
  }, [scroller, goTo]);
  return (
    <div ref={box} style={{ position: "relative", height: virtual.getTotalSize() }}>
      {items.map((item) => (
        <div
          key={item.key}
          style={{
            position: "absolute",
            top: 0,
            left: 0,
            width: "100%",
            height: item.size,
            transform: `translateY(${item.start - margin}px)`,
          }}
        >
          {row(item.index)}
        </div>
      ))}
    </div>
  );
}
