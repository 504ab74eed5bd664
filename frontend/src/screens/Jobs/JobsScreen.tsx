import { ActionIcon, Button, Select, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconRefresh, IconX } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { api } from "../../api/client";
import { usePaged, useProject } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { Job, JobState } from "../../api/types";
import { useProjectId } from "../../app/params";
import { ProgressLine } from "../../ui/Bars";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState, errorText } from "../../ui/ErrorState";
import { duration } from "../../ui/format";
import { Page } from "../../ui/Page";
import { RelativeTime } from "../../ui/RelativeTime";
import { TableSkeleton } from "../../ui/Skeletons";
import { StateBadge } from "../../ui/StateBadge";
import { type Column, Table } from "../../ui/Table";
import styles from "./Jobs.module.css";
import { isAtWork, jobProgress, jobWords } from "./words";

const STATES: { value: JobState; label: string }[] = [
  { value: "running", label: "Running" },
  { value: "queued", label: "Waiting" },
  { value: "failed", label: "Failed" },
  { value: "quarantined", label: "Set aside" },
  { value: "cancelled", label: "Cancelled" },
  { value: "done", label: "Done" },
];

function took(job: Job): string {
  if (!job.started_at || !job.ended_at) return "";
  return duration((Date.parse(job.ended_at) - Date.parse(job.started_at)) / 1000);
}

const COLUMNS: Column<Job>[] = [
  { name: "State", width: "104px", cell: (job) => <StateBadge state={job.state} /> },
  {
    name: "Work",
    width: "minmax(200px, 3fr)",
    cell: (job) => (
      <div className="cut" title={job.title}>
        {job.title}
      </div>
    ),
  },
  {
    name: "How far",
    width: "minmax(160px, 2.5fr)",
    cell: (job) => (
      <div className={styles.progress}>
        <span
          className={styles.words}
          data-bad={job.state === "failed" || job.state === "quarantined" || undefined}
          title={jobWords(job)}
        >
          {jobWords(job)}
        </span>
        {job.state === "running" && <ProgressLine value={jobProgress(job)} />}
      </div>
    ),
  },
  {
    name: "For",
    width: "96px",
    cell: (job) => <div className="cut small quiet">{job.created_by ?? "Sonoloop"}</div>,
  },
  {
    name: "Asked",
    width: "104px",
    cell: (job) => (
      <span className="small quiet">
        <RelativeTime at={job.created_at} />
      </span>
    ),
  },
  {
    name: "Took",
    width: "64px",
    numeric: true,
    cell: (job) => <span className="small quiet">{took(job)}</span>,
  },
  { name: "", width: "40px", numeric: true, cell: (job) => <JobActions job={job} /> },
];

export default function JobsScreen() {
  const projectId = useProjectId();
  const project = useProject(projectId);
  const [state, setState] = useState<string | null>(null);
  const jobs = usePaged<Job>([...keys.jobs(projectId), { state }], "/api/jobs", {
    project: projectId,
    state,
    limit: 100,
  });
  // What is at work stands first; within, the newest first as they come.
  const rows = state
    ? jobs.rows
    : [...jobs.rows.filter(isAtWork), ...jobs.rows.filter((job) => !isAtWork(job))];
  return (
    <Page
      wide
      title="Jobs"
      note="Work that goes on by itself: reading clips, drafting, exporting, training."
      actions={
        <Select
          aria-label="State"
          placeholder="Any state"
          data={STATES}
          value={state}
          onChange={setState}
          clearable
          w={160}
        />
      }
    >
      {jobs.isPending && <TableSkeleton />}
      {jobs.error && <ErrorState error={jobs.error} retry={() => void jobs.refetch()} />}
      {jobs.isSuccess && rows.length === 0 && (
        <EmptyState
          title={state ? "No job is like that" : "Nothing runs"}
          text={
            state ? undefined : "Jobs appear here when clips are uploaded, drafted, exported or trained on."
          }
          action={
            state ? (
              <Button variant="default" onClick={() => setState(null)}>
                Show all jobs
              </Button>
            ) : project.data?.may.includes("upload") ? (
              <Button component={Link} to={`/p/${projectId}/clips`}>
                Open clips
              </Button>
            ) : undefined
          }
        />
      )}
      {rows.length > 0 && (
        <Table
          label="Jobs"
          columns={COLUMNS}
          rows={rows}
          rowHeight={52}
          rowKey={(job) => job.id}
          onNearEnd={() => {
            if (jobs.hasNextPage && !jobs.isFetchingNextPage) void jobs.fetchNextPage();
          }}
        />
      )}
    </Page>
  );
}

function JobActions({ job }: { job: Job }) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (verb: "cancel" | "retry") => api.post<Job>(`/api/jobs/${job.id}/${verb}`),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["jobs"] }),
    onError: (error) =>
      notifications.show({ color: "red", title: "That did not work", message: errorText(error) }),
  });
  const verb = isAtWork(job) ? "cancel" : job.state === "done" ? null : "retry";
  if (!verb || (verb === "cancel" && job.cancel_requested)) return null;
  const label = verb === "cancel" ? "Cancel this job" : "Try again";
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={`${label}: ${job.title}`}
        loading={act.isPending}
        onClick={() => act.mutate(verb)}
      >
        {verb === "cancel" ? <IconX size={16} /> : <IconRefresh size={16} />}
      </ActionIcon>
    </Tooltip>
  );
}
