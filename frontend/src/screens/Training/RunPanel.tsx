import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { api } from "../../api/client";
import { useRun } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { Model, Project, Run } from "../../api/types";
import { ProgressLine } from "../../ui/Bars";
import { ErrorState, errorText } from "../../ui/ErrorState";
import { duration, score } from "../../ui/format";
import { GateLine } from "../../ui/GateLine";
import { BlockSkeleton } from "../../ui/Skeletons";
import { Verdict } from "../../ui/Verdict";
import { Curves } from "./Curves";
import { best, curvesOf, progressOf, stateSentence, timeLeft } from "./metrics";
import styles from "./Training.module.css";
import { useMetrics } from "./useMetrics";

export function RunPanel({ runId, project }: { runId: number; project: Project }) {
  const run = useRun(runId);
  if (run.error) return <ErrorState error={run.error} retry={() => void run.refetch()} />;
  if (!run.data) return <BlockSkeleton height={480} />;
  return <LoadedRun run={run.data} project={project} />;
}

function LoadedRun({ run, project }: { run: Run; project: Project }) {
  const metrics = useMetrics(run);
  const model = useQuery({
    queryKey: keys.model(run.model?.id ?? 0),
    enabled: run.model !== null,
    queryFn: ({ signal }) => api.get<Model>(`/api/models/${run.model?.id}`, { signal }),
  });
  const curves = curvesOf(metrics.data ?? []);
  const top = best(curves.epochs, curves.dice);
  const running = run.state === "running" || run.state === "queued";
  return (
    <section aria-label={`Run ${run.number}`} data-testid="run-panel" data-state={run.state}>
      <div className={styles.headline}>
        <div>
          <Verdict text={model.data?.verdict ?? stateSentence(run)} />
          {model.data?.gate && <GateLine gate={model.data.gate} besides={model.data.verdict} />}
        </div>
        <div className={styles.actions}>
          {project.may.includes("manage") && <RunActions run={run} />}
          {run.model && (
            <Button component={Link} to={`/p/${project.id}/models?model=${run.model.id}`}>
              Open model {run.model.number}
            </Button>
          )}
        </div>
      </div>
      {run.error && (
        <p role="alert" className={styles.problem}>
          {run.error}
        </p>
      )}
      {running && (
        <div className={styles.progress}>
          <ProgressLine value={progressOf(run)} />
          <span className="quiet small">{timeLeft(run.job?.seconds_left)}</span>
        </div>
      )}
      <dl className={styles.facts}>
        <Fact name="Dataset">
          <Link to={`/p/${project.id}/datasets#v${run.dataset.number}`}>version {run.dataset.number}</Link>
        </Fact>
        <Fact name="Started from">
          {run.base_model ? (
            <Link to={`/p/${project.id}/models?model=${run.base_model.id}`}>
              model {run.base_model.number}
            </Link>
          ) : (
            "nothing"
          )}
        </Fact>
        <Fact name="Epochs">
          {run.epoch} of {run.epochs}
        </Fact>
        {top && (
          <Fact name="Best Dice">
            {score(top.value)} at epoch {top.epoch}
          </Fact>
        )}
        {run.started_at && run.ended_at && <Fact name="Took">{duration(secondsBetween(run))}</Fact>}
        <Fact name="Started by">{run.created_by}</Fact>
      </dl>
      {metrics.error && <ErrorState error={metrics.error} retry={() => void metrics.refetch()} />}
      {curves.epochs.length === 0 ? (
        <p className={styles.waiting}>
          {running
            ? "The first numbers come with the first epoch."
            : "This run ended before its first epoch."}
        </p>
      ) : (
        <div className={styles.charts}>
          <figure>
            <figcaption>Dice on the validation subjects</figcaption>
            <Curves
              label={`Dice by epoch${top ? `; best ${score(top.value)} at epoch ${top.epoch}` : ""}`}
              epochs={curves.epochs}
              curves={[{ name: "Dice", values: curves.dice, color: "--accent" }]}
              lastEpoch={run.epochs}
              range={[0, 1]}
              sync={`run-${run.id}`}
            />
          </figure>
          <figure>
            <figcaption>Loss</figcaption>
            <Curves
              label="Loss by epoch"
              epochs={curves.epochs}
              curves={lossCurves(curves)}
              lastEpoch={run.epochs}
              sync={`run-${run.id}`}
            />
          </figure>
        </div>
      )}
      {Object.keys(run.config).length > 0 && <Configuration config={run.config} />}
    </section>
  );
}

function lossCurves(curves: ReturnType<typeof curvesOf>) {
  const training = { name: "Training", values: curves.loss, color: "--accent" };
  if (curves.validationLoss.every((value) => value === null)) return [training];
  return [training, { name: "Validation", values: curves.validationLoss, color: "--warning", dashed: true }];
}

function RunActions({ run }: { run: Run }) {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: (verb: "cancel" | "resume") => api.post<Run>(`/api/runs/${run.id}/${verb}`),
    onSuccess: (changed) => {
      client.setQueryData(keys.run(run.id), changed);
      void client.invalidateQueries({ queryKey: ["runs"] });
    },
    onError: (error) => notifications.show({ color: "red", message: errorText(error) }),
  });
  if (run.state === "queued" || run.state === "running") {
    const asked = run.job?.cancel_requested ?? false;
    return (
      <Button variant="default" disabled={asked} loading={act.isPending} onClick={() => act.mutate("cancel")}>
        {asked ? "Stopping" : "Cancel run"}
      </Button>
    );
  }
  if (run.state === "cancelled" || run.state === "failed") {
    return (
      <Button variant="default" loading={act.isPending} onClick={() => act.mutate("resume")}>
        Resume{run.epoch > 0 ? ` from epoch ${run.epoch}` : ""}
      </Button>
    );
  }
  return null;
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Configuration({ config }: { config: Record<string, unknown> }) {
  return (
    <details className={styles.configuration}>
      <summary>Configuration</summary>
      <dl>
        {Object.entries(config).map(([name, value]) => (
          <div key={name}>
            <dt>{name.replaceAll("_", " ")}</dt>
            <dd>{typeof value === "object" ? JSON.stringify(value) : String(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function secondsBetween(run: Run): number {
  return (Date.parse(run.ended_at ?? "") - Date.parse(run.started_at ?? "")) / 1000;
}
