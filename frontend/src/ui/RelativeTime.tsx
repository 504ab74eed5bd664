import { useEffect, useState } from "react";
import { timeAgo } from "./format";

/** How long ago, kept true while the page is open; the exact time is on hover. */
export function RelativeTime({ at }: { at: string }) {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()} style={{ whiteSpace: "nowrap" }}>
      {timeAgo(at, now)}
    </time>
  );
}
