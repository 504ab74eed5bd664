import { Button, Checkbox, Modal, NumberInput, Select } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Dataset, Job, Project, Run } from "../../api/types";
import { errorText } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import styles from "./Training.module.css";

const EPOCHS = 40;

/** Which version, how long, from where. */
export function StartDialog({
  project,
  datasets,
  preferred,
  onClose,
  onStarted,
}: {
  project: Project;
  /** Newest first; at least one. */
  datasets: readonly Dataset[];
  /** Id of the version to begin with; null: the newest. */
  preferred: number | null;
  onClose: () => void;
  onStarted: (run: Run) => void;
}) {
  const client = useQueryClient();
  const [datasetId, setDatasetId] = useState(preferred ?? datasets[0].id);
  const [epochs, setEpochs] = useState<number>(EPOCHS);
  const [fromChampion, setFromChampion] = useState(project.champion !== null);
  const dataset = datasets.find((each) => each.id === datasetId) ?? datasets[0];
  const start = useMutation({
    mutationFn: () =>
      api.post<{ run: Run; job: Job }>(`/api/projects/${project.id}/runs`, {
        dataset: datasetId,
        epochs,
        from_champion: fromChampion && project.champion !== null,
      }),
    onSuccess: ({ run }) => {
      void client.invalidateQueries({ queryKey: keys.runs(project.id) });
      onClose();
      onStarted(run);
    },
  });
  return (
    <Modal opened onClose={onClose} title="Train a model">
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate();
        }}
      >
        <Select
          label="Dataset version"
          data={datasets.map((each) => ({
            value: String(each.id),
            label: `Version ${each.number}, ${plural(each.frame_count, "frame")}${each.note ? ` (${each.note})` : ""}`,
          }))}
          value={String(datasetId)}
          onChange={(value) => value && setDatasetId(Number(value))}
          allowDeselect={false}
          description={`Trains on ${plural(dataset.counts.train.frames, "frame")}; scored on ${plural(dataset.counts.test.frames, "frame")} of ${plural(dataset.counts.test.subjects, "test subject")}.`}
          data-autofocus
        />
        <NumberInput
          label="Epochs"
          description="How often the network sees every frame. It can be cancelled at any time and resumed."
          value={epochs}
          min={1}
          max={1000}
          allowDecimal={false}
          onChange={(value) => setEpochs(typeof value === "number" ? value : EPOCHS)}
        />
        {project.champion && (
          <Checkbox
            checked={fromChampion}
            onChange={(event) => setFromChampion(event.currentTarget.checked)}
            label={`Start from the champion, model ${project.champion.number}`}
            description="Faster. Without it the network starts from nothing."
          />
        )}
        {dataset.counts.test.frames === 0 && (
          <p className={styles.warning}>
            This version has no test subjects: the model could not be compared with the champion.
          </p>
        )}
        {start.error && (
          <p role="alert" className={styles.problem}>
            {errorText(start.error)}
          </p>
        )}
        <div className={styles.buttons}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={start.isPending}>
            Start training
          </Button>
        </div>
      </form>
    </Modal>
  );
}
