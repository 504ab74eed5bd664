// biome-ignore-all lint/a11y/useSemanticElements: rows out of view are not drawn, which a <table> cannot do
// biome-ignore-all lint/a11y/useFocusableInteractive: cells are read, what is in them is focused
import type { ReactNode } from "react";
import styles from "./Table.module.css";
import { VirtualRows } from "./VirtualRows";

export interface Column<T> {
  name: ReactNode;
  /** A CSS grid track: "1fr", "96px", "minmax(120px, 2fr)". */
  width: string;
  numeric?: boolean;
  cell: (row: T) => ReactNode;
}

/** A dense table that draws only the rows in view. */
export function Table<T>({
  columns,
  rows,
  rowHeight = 44,
  rowKey,
  onNearEnd,
  label,
}: {
  columns: Column<T>[];
  rows: T[];
  rowHeight?: number;
  rowKey: (row: T) => number | string;
  onNearEnd?: () => void;
  label: string;
}) {
  const variables = {
    "--columns": columns.map((column) => column.width).join(" "),
    "--row-height": `${rowHeight}px`,
  } as React.CSSProperties;
  return (
    <div
      className={styles.table}
      style={variables}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length}
    >
      <div className={styles.head} role="row">
        {columns.map((column, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: columns do not move
          <span key={at} role="columnheader" className={column.numeric ? styles.number : undefined}>
            {column.name}
          </span>
        ))}
      </div>
      <VirtualRows
        count={rows.length}
        rowHeight={rowHeight}
        onNearEnd={onNearEnd}
        row={(index) => {
          const row = rows[index];
          if (!row) return null;
          return (
            <div className={styles.row} role="row" key={rowKey(row)}>
              {columns.map((column, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns do not move
                <div key={at} role="cell" className={column.numeric ? styles.number : undefined}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        }}
      />
    </div>
  );
}
