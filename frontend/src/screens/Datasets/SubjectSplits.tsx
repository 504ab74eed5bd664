import { Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconLock, IconLockOpen } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { useSubjects } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { DatasetPreview, Subject } from "../../api/types";
import { errorText } from "../../ui/ErrorState";
import { count, plural } from "../../ui/format";
import { SPLIT_WORDS, SPLITS } from "./counts";
import styles from "./Datasets.module.css";

/** Who falls where. The lock keeps a subject test in every version to come. */
export function SubjectSplits({
  projectId,
  subjects,
  mayManage,
}: {
  projectId: number;
  subjects: DatasetPreview["subjects"];
  mayManage: boolean;
}) {
  const client = useQueryClient();
  const known = useSubjects(projectId);
  const ids = new Map(known.rows.map((subject) => [subject.pseudonym, subject.id]));
  const fix = useMutation({
    mutationFn: ({ id, isTest }: { id: number; isTest: boolean }) =>
      api.patch<Subject>(`/api/subjects/${id}`, { is_test: isTest }),
    onSettled: () => {
      for (const queryKey of [keys.subjects(projectId), ["dataset-preview", projectId]])
        void client.invalidateQueries({ queryKey });
    },
    onError: (error) => notifications.show({ color: "red", message: errorText(error) }),
  });
  return (
    <div className={styles.subjects}>
      {SPLITS.map((split) => {
        const here = subjects.filter((subject) => subject.split === split);
        return (
          <div key={split}>
            <h3>
              {SPLIT_WORDS[split]}, {plural(here.length, "subject")}
            </h3>
            <ul>
              {here.map((subject) => {
                const id = ids.get(subject.pseudonym);
                const verb = subject.is_test ? "Release from test" : "Keep as test for ever";
                return (
                  <li key={subject.pseudonym} data-fixed={subject.is_test || undefined}>
                    <span className="cut" title={subject.pseudonym}>
                      {subject.pseudonym}
                    </span>
                    <span className="quiet small">{count(subject.frames)}</span>
                    {mayManage && id !== undefined && (
                      <Tooltip label={verb}>
                        <button
                          type="button"
                          aria-label={`${verb}: ${subject.pseudonym}`}
                          aria-pressed={subject.is_test}
                          disabled={fix.isPending}
                          onClick={() => fix.mutate({ id, isTest: !subject.is_test })}
                        >
                          {subject.is_test ? <IconLock size={14} /> : <IconLockOpen size={14} />}
                        </button>
                      </Tooltip>
                    )}
                  </li>
                );
              })}
            </ul>
          </div>
        );
      })}
    </div>
  );
}
