import { Button, Slider, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys, staleAfter } from "../../api/keys";
import type { Dataset, DatasetPreview, Project } from "../../api/types";
import { ErrorState, errorText } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { BlockSkeleton } from "../../ui/Skeletons";
import { generalWarnings, SPLIT_WORDS, SPLITS } from "./counts";
import styles from "./Datasets.module.css";
import { LabelBars } from "./LabelBars";
import { SubjectSplits } from "./SubjectSplits";

/** The next version before it is frozen: shares, what falls where, what is wrong with it. */
export function Builder({ project, number }: { project: Project; number: number }) {
  const client = useQueryClient();
  const [val, setVal] = useState(0.1);
  const [test, setTest] = useState(0.2);
  const [seed, setSeed] = useState(0);
  const [note, setNote] = useState("");
  const [split] = useDebouncedValue({ val, test, seed }, 200);
  const preview = useQuery({
    queryKey: keys.datasetPreview(project.id, split),
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      api.get<DatasetPreview>(`/api/projects/${project.id}/datasets/preview`, { query: split, signal }),
  });
  const freeze = useMutation({
    mutationFn: () =>
      api.post<Dataset>(`/api/projects/${project.id}/datasets`, { ...split, ...(note ? { note } : {}) }),
    onSuccess: (made) => {
      setNote("");
      const change = { kind: "dataset", id: made.id, project: project.id } as const;
      for (const queryKey of staleAfter(change)) void client.invalidateQueries({ queryKey });
      notifications.show({
        message: `Version ${made.number} is frozen: ${plural(made.frame_count, "frame")}.`,
      });
    },
  });
  if (preview.error && !preview.data)
    return <ErrorState error={preview.error} retry={() => void preview.refetch()} />;
  if (!preview.data) return <BlockSkeleton height={420} />;
  const { counts, labels, warnings, subjects, frame_count } = preview.data;
  const mayManage = project.may.includes("manage");
  return (
    <section className={styles.builder} aria-label="Next version" data-testid="dataset-builder">
      <div className={styles.shares}>
        <h2>Version {number}, not frozen yet</h2>
        <p className={styles.total}>{plural(frame_count, "accepted frame")}</p>
        <Share name="Validation" value={val} max={0.4} onChange={setVal} />
        <Share name="Test" value={test} max={0.5} onChange={setTest} />
        <p className="small quiet">
          Split by subject, never by frame. Fixed test subjects stay test in every version.
        </p>
        <Button variant="default" size="xs" onClick={() => setSeed((now) => now + 1)}>
          Draw another split
        </Button>
        {mayManage && (
          <form
            className={styles.freeze}
            onSubmit={(event) => {
              event.preventDefault();
              freeze.mutate();
            }}
          >
            <TextInput
              label="Note"
              placeholder="What is new in it"
              value={note}
              maxLength={200}
              onChange={(event) => setNote(event.currentTarget.value)}
            />
            <Button type="submit" loading={freeze.isPending} disabled={frame_count === 0}>
              Freeze version {number}
            </Button>
            {freeze.error && (
              <p role="alert" className={styles.problem}>
                {errorText(freeze.error)}
              </p>
            )}
          </form>
        )}
      </div>
      <div className={styles.content} data-stale={preview.isPlaceholderData || undefined}>
        {generalWarnings(labels, warnings).map((warning) => (
          <p key={warning} className={styles.warning}>
            {warning}
          </p>
        ))}
        <div className={styles.splits}>
          {SPLITS.map((each) => (
            <div key={each} className={styles.split} data-split={each}>
              <span>{SPLIT_WORDS[each]}</span>
              <b>{plural(counts[each].frames, "frame")}</b>
              <span className="quiet small">
                {plural(counts[each].clips, "clip")}, {plural(counts[each].subjects, "subject")}
              </span>
            </div>
          ))}
        </div>
        <LabelBars labels={labels} counts={counts} warnings={warnings} />
        <SubjectSplits projectId={project.id} subjects={subjects} mayManage={mayManage} />
      </div>
    </section>
  );
}

function Share({
  name,
  value,
  max,
  onChange,
}: {
  name: string;
  value: number;
  max: number;
  onChange: (value: number) => void;
}) {
  return (
    <div className={styles.share}>
      <span>{name}</span>
      <b>{Math.round(value * 100)} %</b>
      <Slider
        size="sm"
        min={0}
        max={max}
        step={0.05}
        value={value}
        onChange={onChange}
        label={null}
        thumbLabel={`${name} share`}
      />
    </div>
  );
}
