/**
 * `callback` put off until the browser has painted: the picture comes first, what panels say of it one refresh
 * later. Several calls before that are one. A page nobody sees is never painted (nor is
 * a test without a page): there it is called at once.
 */
export function afterPaint(callback: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    if (typeof document === "undefined" || document.hidden) {
      callback();
      return;
    }
    waiting = true;
    const painted = new MessageChannel();
    const done = () => {
      if (!waiting) return;
      waiting = false;
      painted.port1.close();
      callback();
    };
    painted.port1.onmessage = done;
    // A message sent from within a refresh is delivered when that refresh has been painted.
    requestAnimationFrame(() => painted.port2.postMessage(null));
    // The page went out of sight meanwhile.
    setTimeout(done, 250);
  };
}
