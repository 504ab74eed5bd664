import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { api } from "../../api/client";
import { useModels, useProject } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { Comparison, Model, Project } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { bytes, plural } from "../../ui/format";
import { GateLine } from "../../ui/GateLine";
import { Page } from "../../ui/Page";
import { RelativeTime } from "../../ui/RelativeTime";
import { BlockSkeleton } from "../../ui/Skeletons";
import { Verdict } from "../../ui/Verdict";
import { ComparisonTable } from "./ComparisonTable";
import { diceText, hasScores, MEASURES, type MeasureKey, measuresOf, type Shelf, shelve } from "./intervals";
import styles from "./Models.module.css";
import { PromoteDialog, RollBackDialog } from "./PromoteDialog";

export default function ModelsScreen() {
  const projectId = Number(useParams().projectId);
  const project = useProject(projectId);
  const models = useModels(projectId);
  const [search, setSearch] = useSearchParams();

  if (models.error && !models.rows.length)
    return <ErrorState error={models.error} retry={() => void models.refetch()} />;
  if (models.isPending || !project.data)
    return (
      <Page title="Models">
        <BlockSkeleton height={420} />
      </Page>
    );
  if (!models.rows.length) {
    return (
      <EmptyState
        title="No model yet"
        text="A model is what a training run ends with. Annotate the first frames, have them accepted, freeze them into a dataset, and train."
        action={
          <Button component={Link} to={`/p/${projectId}/training`}>
            Open training
          </Button>
        }
      />
    );
  }
  const shelf = shelve(models.rows);
  const wanted = Number(search.get("model"));
  const shown =
    models.rows.find((model) => model.id === wanted) ??
    shelf.candidates[0] ??
    shelf.champion ??
    models.rows[0];
  return (
    <Page
      title="Models"
      note="The champion drafts new clips. A candidate takes its place only when a person promotes it."
    >
      <div className={styles.shelf}>
        <nav className={styles.side} aria-label="Models">
          <Group title="Champion" models={shelf.champion ? [shelf.champion] : []} {...{ shown, setSearch }} />
          <Group title="Candidates" models={shelf.candidates} {...{ shown, setSearch }} />
          <Group title="Retired" models={shelf.retired} {...{ shown, setSearch }} />
          {models.hasNextPage && (
            <Button variant="default" onClick={() => void models.fetchNextPage()}>
              Show older
            </Button>
          )}
        </nav>
        <ModelPanel key={shown.id} model={shown} shelf={shelf} project={project.data} />
      </div>
    </Page>
  );
}

function Group({
  title,
  models,
  shown,
  setSearch,
}: {
  title: string;
  models: readonly Model[];
  shown: Model;
  setSearch: (search: Record<string, string>) => void;
}) {
  if (!models.length) return null;
  return (
    <section className={styles.group}>
      <h2>{title}</h2>
      {models.map((model) => (
        <button
          key={model.id}
          type="button"
          className={styles.card}
          aria-current={model.id === shown.id}
          onClick={() => setSearch({ model: String(model.id) })}
        >
          <b>Model {model.number}</b>
          <span title="Mean Dice on the test subjects">
            {hasScores(model.scores) ? diceText(model.scores.dice.mean) : "–"}
          </span>
          <span className={styles.small}>
            <RelativeTime at={model.promoted_at ?? model.created_at} />
            {model.dataset && `, dataset v${model.dataset.number}`}
          </span>
        </button>
      ))}
    </section>
  );
}

function ModelPanel({ model, shelf, project }: { model: Model; shelf: Shelf; project: Project }) {
  const [asking, setAsking] = useState<"promote" | "rollback" | null>(null);
  const [chosen, setChosen] = useState<MeasureKey>("dice");
  const { champion } = shelf;
  const isChampion = champion?.id === model.id;
  const against = champion && !isChampion ? champion : null;
  const compare = useQuery({
    queryKey: keys.compare(model.id, against?.id ?? null),
    enabled: against !== null,
    queryFn: ({ signal }) =>
      api.get<Comparison>(`/api/models/${model.id}/compare`, { query: { with: against?.id }, signal }),
  });
  const waiting = against !== null && compare.isPending;
  const mayManage = project.may.includes("manage");
  const comparison = against ? (compare.data ?? null) : null;
  const found = comparison?.candidate ?? model.scores;
  const scores = hasScores(found) ? found : null;
  const gate = comparison?.gate ?? model.gate;
  const measures = scores ? measuresOf(scores) : [];
  const measure = measures.find((each) => each.key === chosen) ?? MEASURES[0];
  const whyNot = comparison?.measures[measure.key]?.why_not;
  return (
    <section aria-label={`Model ${model.number}`} data-testid="model-panel" data-stage={model.stage}>
      <div className={styles.headline}>
        <div>
          <Verdict text={comparison?.verdict ?? verdictOf(model, isChampion)} />
          {gate && <GateLine gate={gate} besides={comparison?.verdict ?? model.verdict} />}
        </div>
        {mayManage && (
          <div className={styles.actions}>
            {isChampion && model.replaced && (
              <Button variant="default" onClick={() => setAsking("rollback")}>
                Roll back to model {model.replaced.number}
              </Button>
            )}
            {!isChampion && (
              <Button disabled={waiting} onClick={() => setAsking("promote")}>
                Promote model {model.number}
              </Button>
            )}
          </div>
        )}
      </div>
      <div className={styles.facts}>
        {against && scores && (
          <>
            <span className={styles.legend}>champion, model {against.number}</span>
            <span className={styles.legend} data-kind="candidate">
              model {model.number}
            </span>
          </>
        )}
        {scores && (
          <span title="Lines are 95 % intervals over subjects">
            on {plural(scores.frames, "frame")} of {plural(scores.subjects, "test subject")}
          </span>
        )}
        <Lineage model={model} projectId={project.id} />
        <span>{bytes(model.byte_size)}</span>
      </div>
      {compare.error && <ErrorState error={compare.error} retry={() => void compare.refetch()} />}
      {waiting ? (
        <BlockSkeleton height={380} />
      ) : scores ? (
        <>
          {measures.length > 1 && (
            <div className={styles.measures}>
              <SegmentedControl
                aria-label="Measure"
                value={measure.key}
                onChange={(key) => setChosen(key as MeasureKey)}
                data={measures.map(({ key, name }) => ({ value: key, label: name }))}
              />
              <p className="quiet small">
                {measure.explain(scores.unit ?? "px")}
                {whyNot && ` Not compared: ${whyNot}.`}
              </p>
            </div>
          )}
          <ComparisonTable
            measure={measure}
            candidate={scores}
            champion={comparison?.champion ?? null}
            comparison={comparison?.comparable ? comparison : null}
            labels={project.labels}
          />
        </>
      ) : (
        <NoScores model={model} />
      )}
      {asking === "promote" && (
        <PromoteDialog
          projectId={project.id}
          candidate={model}
          champion={champion}
          gate={gate}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === "rollback" && <RollBackDialog champion={model} onClose={() => setAsking(null)} />}
    </section>
  );
}

function verdictOf(model: Model, isChampion: boolean): string {
  if (model.verdict) return model.verdict;
  if (isChampion) return `Model ${model.number} drafts every clip that comes in.`;
  if (!hasScores(model.scores)) return `Model ${model.number} was never scored.`;
  const dice = diceText(model.scores.dice.mean);
  return `Mean Dice ${dice} on the test subjects. There is no champion to compare it with.`;
}

function NoScores({ model }: { model: Model }) {
  return (
    <p className="quiet" style={{ maxWidth: "64ch" }}>
      {model.run
        ? "This model has no scores: there was no test subject when it was trained. Mark test subjects under Datasets, freeze a version, and train on it."
        : "This model has no scores: it was trained elsewhere. The next training run scores it on the test subjects, beside the model that comes out."}
    </p>
  );
}

/** Where it comes from: each word leads there. */
function Lineage({ model, projectId }: { model: Model; projectId: number }) {
  return (
    <>
      {model.run && (
        <Link to={`/p/${projectId}/training/${model.run.id}`}>training run {model.run.number}</Link>
      )}
      {model.dataset && (
        <Link to={`/p/${projectId}/datasets#v${model.dataset.number}`}>
          dataset version {model.dataset.number}
        </Link>
      )}
      {model.parent && (
        <Link to={`/p/${projectId}/models?model=${model.parent.id}`}>from model {model.parent.number}</Link>
      )}
      {model.promoted_by && <span>promoted by {model.promoted_by}</span>}
    </>
  );
}
