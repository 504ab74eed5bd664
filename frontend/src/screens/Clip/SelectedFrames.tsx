import { SegmentedControl } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import type { Frame } from "../../api/types";
import { StateBadge } from "../../ui/StateBadge";
import {
  type UncertaintyRange,
  uncertaintyBar,
  uncertaintyRange,
  uncertaintyText,
} from "../../ui/uncertainty";
import styles from "./Clip.module.css";

const ROW = 36;

/** The frames asked of people, in order of time or the most doubtful first. */
export function SelectedFrames({
  frames,
  index,
  projectId,
  onSeek,
}: {
  frames: readonly Frame[];
  index: number;
  projectId: number;
  onSeek: (index: number) => void;
}) {
  const [order, setOrder] = useState("time");
  const rows = useMemo(() => {
    const selected = frames.filter((frame) => frame.selected);
    return order === "time"
      ? selected
      : selected.sort((one, other) => (other.uncertainty ?? -1) - (one.uncertainty ?? -1));
  }, [frames, order]);
  const range = useMemo(() => uncertaintyRange(frames), [frames]);
  const drafted = rows.some((frame) => frame.uncertainty !== null);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
  });
  return (
    <aside className={styles.selected} aria-label="Selected frames">
      <div className={styles.selectedHead}>
        <h2>Selected</h2>
        {drafted && (
          <SegmentedControl
            size="xs"
            aria-label="Order"
            value={order}
            onChange={setOrder}
            data={[
              { value: "time", label: "In time" },
              { value: "doubt", label: "Doubtful first" },
            ]}
          />
        )}
      </div>
      {rows.length === 0 && (
        <p className="small quiet">
          No frame is selected for annotation. Select some, evenly spread, from the menu above.
        </p>
      )}
      <div ref={scroller} className={styles.selectedRows}>
        <div style={{ position: "relative", height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const frame = rows[item.index];
            if (!frame) return null;
            return (
              <div
                key={frame.id}
                className={styles.selectedRow}
                data-current={frame.index === index || undefined}
                style={{ transform: `translateY(${item.start}px)`, height: ROW }}
              >
                <button type="button" className={styles.seek} onClick={() => onSeek(frame.index)}>
                  <span>{frame.index + 1}</span>
                  <StateBadge state={frame.state} />
                  <Doubt value={frame.uncertainty} range={range} />
                </button>
                <Link to={`/p/${projectId}/frames/${frame.id}`} className="small">
                  Open
                </Link>
              </div>
            );
          })}
        </div>
      </div>
    </aside>
  );
}

function Doubt({ value, range }: { value: number | null; range: UncertaintyRange }) {
  if (value === null) return <span />;
  return (
    <span className={styles.doubt} title={uncertaintyText(value, range, "this clip")}>
      <span style={{ width: `${Math.round(uncertaintyBar(value, range) * 100)}%` }} />
    </span>
  );
}
