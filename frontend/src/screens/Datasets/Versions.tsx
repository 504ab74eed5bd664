import { Button, CopyButton, Menu, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconFileExport } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Dataset, Export, Job, Project } from "../../api/types";
import { ProgressLine, StackedBar } from "../../ui/Bars";
import { errorText } from "../../ui/ErrorState";
import { bytes, plural } from "../../ui/format";
import { RelativeTime } from "../../ui/RelativeTime";
import { changeSince, SPLIT_WORDS, SPLITS } from "./counts";
import styles from "./Datasets.module.css";

const SPLIT_COLORS = { train: "var(--split-train)", val: "var(--split-val)", test: "var(--split-test)" };
const FORMATS = { png: "PNG masks", coco: "COCO" } as const;

/** All versions, newest first, on a line: what each added, what it holds, what was exported of it. */
export function Versions({ project, datasets }: { project: Project; datasets: readonly Dataset[] }) {
  return (
    <ol className={styles.timeline}>
      {datasets.map((dataset, i) => (
        <Version key={dataset.id} project={project} dataset={dataset} before={datasets[i + 1] ?? null} />
      ))}
    </ol>
  );
}

function Version({
  project,
  dataset,
  before,
}: {
  project: Project;
  dataset: Dataset;
  before: Dataset | null;
}) {
  const client = useQueryClient();
  const write = useMutation({
    mutationFn: (format: keyof typeof FORMATS) =>
      api.post<{ export: Export; job: Job }>(`/api/datasets/${dataset.id}/exports`, { format }),
    onSuccess: () => void client.invalidateQueries({ queryKey: keys.datasets(project.id) }),
    onError: (error) =>
      notifications.show({ color: "red", title: "Not exported", message: errorText(error) }),
  });
  const mayManage = project.may.includes("manage");
  return (
    <li
      className={styles.version}
      id={`v${dataset.number}`}
      data-testid="dataset-version"
      data-number={dataset.number}
    >
      <div className={styles.versionHead}>
        <h3>Version {dataset.number}</h3>
        {dataset.note && (
          <span className="cut" title={dataset.note}>
            {dataset.note}
          </span>
        )}
        <span className={styles.versionActions}>
          {mayManage && (
            <Menu position="bottom-end">
              <Menu.Target>
                <Button
                  size="compact-sm"
                  variant="subtle"
                  loading={write.isPending}
                  leftSection={<IconFileExport size={15} />}
                >
                  Export
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => write.mutate("png")}>PNG masks, images and manifest</Menu.Item>
                <Menu.Item onClick={() => write.mutate("coco")}>COCO with run-length masks</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
          {mayManage && (
            <Button
              size="compact-sm"
              variant="subtle"
              component={Link}
              to={`/p/${project.id}/training?dataset=${dataset.id}`}
            >
              Train on it
            </Button>
          )}
        </span>
      </div>
      <div className={styles.versionFacts}>
        <span>{plural(dataset.frame_count, "frame")}</span>
        <span>{changeSince(dataset, before)}</span>
        <span>
          <RelativeTime at={dataset.created_at} /> by {dataset.created_by}
        </span>
        <CopyButton value={dataset.sha256}>
          {({ copied, copy }) => (
            <Tooltip
              label={copied ? "Copied" : `Copy the hash over all of it: ${dataset.sha256}`}
              multiline
              maw={320}
            >
              <button
                type="button"
                className={styles.hash}
                onClick={copy}
                aria-label="Copy hash"
                data-testid="dataset-hash"
              >
                {dataset.sha256.slice(0, 12)}
              </button>
            </Tooltip>
          )}
        </CopyButton>
      </div>
      <div className={styles.versionBar}>
        <StackedBar
          parts={SPLITS.map((split) => ({
            name: SPLIT_WORDS[split],
            value: dataset.counts[split]?.frames ?? 0,
            color: SPLIT_COLORS[split],
          }))}
        />
      </div>
      {dataset.warnings.map((warning) => (
        <p key={warning} className={styles.rowWarning}>
          {warning}
        </p>
      ))}
      {dataset.exports.map((each) => (
        <ExportRow
          key={each.id}
          made={each}
          mayManage={mayManage}
          onRetry={() => write.mutate(each.format)}
        />
      ))}
    </li>
  );
}

function ExportRow({ made, mayManage, onRetry }: { made: Export; mayManage: boolean; onRetry: () => void }) {
  const writing = made.state === "writing";
  const job = useQuery({
    queryKey: keys.job(made.job?.id ?? 0),
    enabled: writing && made.job !== null,
    initialData: made.job ?? undefined,
    queryFn: ({ signal }) => api.get<Job>(`/api/jobs/${made.job?.id}`, { signal }),
  });
  const { progress_done = 0, progress_total = 0 } = job.data ?? {};
  return (
    <div className={styles.export} data-testid="export" data-state={made.state} data-format={made.format}>
      <span>{FORMATS[made.format]}</span>
      {writing && (
        <span className={styles.exportProgress}>
          <ProgressLine value={progress_total > 0 ? progress_done / progress_total : null} />
        </span>
      )}
      {made.state === "ready" && (
        <>
          {/* A plain link: the browser's own download shows progress and resumes. Patients' pictures leave. */}
          {mayManage && (
            <a href={`/api/exports/${made.id}/file`} download={made.file_name || undefined}>
              <IconDownload size={14} /> Download
            </a>
          )}
          <span className="quiet">{bytes(made.byte_size)}</span>
          <span className="cut quiet" title={made.file_name}>
            {made.file_name}
          </span>
        </>
      )}
      {made.state === "failed" && (
        <>
          <span className={styles.failed}>{made.error}</span>
          {mayManage && (
            <Button size="compact-xs" variant="default" onClick={onRetry}>
              Try again
            </Button>
          )}
        </>
      )}
    </div>
  );
}
