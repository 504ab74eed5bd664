import { TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useAudit } from "../../api/hooks";
import type { AuditRow } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { TableSkeleton } from "../../ui/Skeletons";
import { type Column, Table } from "../../ui/Table";

function detailWords(detail: Record<string, unknown>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(
      ([name, value]) =>
        `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`,
    )
    .join(", ");
}

/** Tables of the database by the words of the screens. */
const THINGS: Record<string, string> = {
  modelversion: "model",
  datasetversion: "dataset",
  trainingrun: "run",
};

const thingWords = (row: AuditRow) => `${THINGS[row.object_type] ?? row.object_type} ${row.object_id}`;

const COLUMNS: Column<AuditRow>[] = [
  {
    name: "When",
    width: "176px",
    cell: (row) => <span className="small">{new Date(row.at).toLocaleString()}</span>,
  },
  {
    name: "Who",
    width: "minmax(80px, 1fr)",
    cell: (row) => <div className="cut">{row.actor ?? "Sonoloop"}</div>,
  },
  {
    name: "Did",
    width: "minmax(120px, 1fr)",
    cell: (row) => <div className="cut">{row.verb.replaceAll(/[._]/g, " ")}</div>,
  },
  {
    name: "To",
    width: "minmax(96px, 1fr)",
    cell: (row) => <div className="cut">{thingWords(row)}</div>,
  },
  {
    name: "Detail",
    width: "minmax(120px, 3fr)",
    cell: (row) => {
      const words = detailWords(row.detail);
      return (
        <div className="cut small quiet" title={words}>
          {words}
        </div>
      );
    },
  },
];

/** Who did what, newest first. The search looks through what has been loaded. */
export function Audit({ projectId }: { projectId: number }) {
  const audit = useAudit(projectId);
  const [search, setSearch] = useState("");
  const rows = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return audit.rows;
    return audit.rows.filter((row) => {
      const text = `${row.actor} ${row.verb} ${thingWords(row)} ${detailWords(row.detail)}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }, [audit.rows, search]);
  if (audit.isPending) return <TableSkeleton />;
  if (audit.error) return <ErrorState error={audit.error} retry={() => void audit.refetch()} />;
  if (audit.rows.length === 0) return <EmptyState title="Nothing has happened yet" />;
  return (
    <>
      <div style={{ display: "flex", alignItems: "center", gap: 16, marginBottom: 16 }}>
        <TextInput
          aria-label="Search"
          placeholder="A person, a verb, a number"
          leftSection={<IconSearch size={16} />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          w={320}
        />
        <span className="small quiet">
          {plural(rows.length, "row")}
          {audit.hasNextPage && " so far; scroll for older ones"}
        </span>
      </div>
      <Table
        label="Audit"
        columns={COLUMNS}
        rows={rows}
        rowHeight={36}
        rowKey={(row) => row.id}
        onNearEnd={() => {
          if (audit.hasNextPage && !audit.isFetchingNextPage) void audit.fetchNextPage();
        }}
      />
    </>
  );
}
