import { Switch } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { useSubjects } from "../../api/hooks";
import { staleAfter } from "../../api/keys";
import type { Subject } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState, errorText } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { TableSkeleton } from "../../ui/Skeletons";
import { SubjectName } from "../../ui/SubjectName";
import { type Column, Table } from "../../ui/Table";

/** Which subjects models are measured on. They are never trained on. */
export function TestSubjects({ projectId, mayManage }: { projectId: number; mayManage: boolean }) {
  const subjects = useSubjects(projectId);
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: ({ id, is_test }: { id: number; is_test: boolean }) =>
      api.patch(`/api/subjects/${id}`, { is_test }),
    onError: (error) => notifications.show({ color: "red", title: "Not changed", message: errorText(error) }),
    onSettled: (_data, _error, { id }) => {
      const changed = { kind: "subject", id, project: projectId } as const;
      for (const queryKey of staleAfter(changed)) void client.invalidateQueries({ queryKey });
    },
  });
  if (subjects.isPending) return <TableSkeleton rows={3} />;
  if (subjects.error) return <ErrorState error={subjects.error} retry={() => void subjects.refetch()} />;
  if (subjects.rows.length === 0)
    return <EmptyState title="No subject yet" text="Subjects come with their first clip." />;
  const columns: Column<Subject>[] = [
    {
      name: "Subject",
      width: "minmax(120px, 2fr)",
      cell: (subject) => <SubjectName pseudonym={subject.pseudonym} />,
    },
    { name: "Clips", width: "80px", numeric: true, cell: (subject) => subject.clips },
    { name: "Gold", width: "96px", numeric: true, cell: (subject) => plural(subject.accepted, "frame") },
    {
      name: "Test",
      width: "200px",
      cell: (subject) => (
        <Switch
          size="xs"
          label={subject.is_test ? "Never trained on" : "May be trained on"}
          checked={subject.is_test}
          disabled={!mayManage}
          onChange={(event) => change.mutate({ id: subject.id, is_test: event.currentTarget.checked })}
        />
      ),
    },
  ];
  return (
    <>
      <p className="quiet" style={{ maxWidth: "64ch", marginBottom: 24 }}>
        Models are compared on test subjects, so these are kept out of training. Once a dataset has used a
        subject as test, it stays test.
      </p>
      <Table
        label="Subjects"
        columns={columns}
        rows={subjects.rows}
        rowKey={(subject) => subject.id}
        onNearEnd={() => {
          if (subjects.hasNextPage && !subjects.isFetchingNextPage) void subjects.fetchNextPage();
        }}
      />
    </>
  );
}
