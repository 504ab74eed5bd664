import { Button } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { useDatasets, useProject, useRuns } from "../../api/hooks";
import type { Run } from "../../api/types";
import { ProgressLine } from "../../ui/Bars";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { Page } from "../../ui/Page";
import { RelativeTime } from "../../ui/RelativeTime";
import { BlockSkeleton } from "../../ui/Skeletons";
import { StateBadge } from "../../ui/StateBadge";
import { progressOf } from "./metrics";
import { RunPanel } from "./RunPanel";
import { StartDialog } from "./StartDialog";
import styles from "./Training.module.css";

/** The runs on the left, one of them on the right: the one in the address, else the newest. */
export default function TrainingScreen() {
  const { projectId: projectText, runId } = useParams();
  const projectId = Number(projectText);
  const project = useProject(projectId);
  const runs = useRuns(projectId);
  const datasets = useDatasets(projectId);
  const navigate = useNavigate();
  // "Train on it" beside a dataset version leads here with its id.
  const [search, setSearch] = useSearchParams();
  const asked = Number(search.get("dataset")) || null;
  const [starting, setStarting] = useState(asked !== null);

  if (runs.error && !runs.rows.length)
    return <ErrorState error={runs.error} retry={() => void runs.refetch()} />;
  if (runs.isPending || datasets.isPending || !project.data)
    return (
      <Page title="Training">
        <BlockSkeleton height={480} />
      </Page>
    );

  const mayManage = project.data.may.includes("manage");
  const start = mayManage && datasets.rows.length > 0 && (
    <Button onClick={() => setStarting(true)} variant={runs.rows.length ? "default" : "filled"}>
      Train a model
    </Button>
  );
  const dialog = starting && datasets.rows.length > 0 && (
    <StartDialog
      project={project.data}
      datasets={datasets.rows}
      preferred={asked}
      onClose={() => {
        setStarting(false);
        setSearch({}, { replace: true });
      }}
      onStarted={(run) => void navigate(`/p/${projectId}/training/${run.id}`)}
    />
  );
  if (!runs.rows.length && !runId) {
    return (
      <>
        <EmptyState
          title="Nothing was trained yet"
          text={
            datasets.rows.length
              ? "A run trains on a frozen dataset version and ends as a candidate with scores on the test subjects."
              : "A run trains on a frozen dataset version, and there is none yet. Freeze the accepted frames first."
          }
          action={
            start || (
              <Button component={Link} to={`/p/${projectId}/datasets`}>
                Open datasets
              </Button>
            )
          }
        />
        {dialog}
      </>
    );
  }
  const shown = runId ? Number(runId) : runs.rows[0].id;
  return (
    <Page
      title="Training"
      note="Each run ends as a candidate beside the champion; nothing is promoted by itself."
      actions={start}
    >
      <div className={styles.shelf}>
        <nav aria-label="Runs" className={styles.runs}>
          {runs.rows.map((run) => (
            <RunLink key={run.id} run={run} projectId={projectId} current={run.id === shown} />
          ))}
          {runs.hasNextPage && (
            <Button variant="default" mt={8} onClick={() => void runs.fetchNextPage()}>
              Show older
            </Button>
          )}
        </nav>
        <RunPanel key={shown} runId={shown} project={project.data} />
      </div>
      {dialog}
    </Page>
  );
}

function RunLink({ run, projectId, current }: { run: Run; projectId: number; current: boolean }) {
  return (
    <Link
      to={`/p/${projectId}/training/${run.id}`}
      className={styles.run}
      aria-current={current ? "page" : undefined}
    >
      <b>Run {run.number}</b>
      <StateBadge state={run.state} />
      <span className={styles.runNote}>
        dataset v{run.dataset.number}, <RelativeTime at={run.started_at ?? run.created_at} />
      </span>
      {run.state === "running" && (
        <span className={styles.runNote}>
          <ProgressLine value={progressOf(run)} />
        </span>
      )}
    </Link>
  );
}
