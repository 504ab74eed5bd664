import { Skeleton } from "@mantine/core";

/** Rows of a table that is still coming, as high as the real ones so that nothing jumps. */
export function TableSkeleton({ rows = 6, rowHeight = 44 }: { rows?: number; rowHeight?: number }) {
  return (
    <div aria-busy="true">
      {Array.from({ length: rows }, (_, row) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: all alike
          key={row}
          style={{ height: rowHeight, display: "flex", alignItems: "center", gap: 24 }}
        >
          <Skeleton height={12} width={`${34 - (row % 3) * 6}%`} radius="sm" />
          <Skeleton height={12} width="18%" radius="sm" />
          <Skeleton height={12} width="10%" radius="sm" />
        </div>
      ))}
    </div>
  );
}

/** A block of known height: a chart, a picture, the spine. */
export function BlockSkeleton({ height }: { height: number }) {
  return <Skeleton height={height} radius={6} aria-busy="true" />;
}
