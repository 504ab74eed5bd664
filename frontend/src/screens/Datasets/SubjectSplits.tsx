import { Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconLock, IconLockOpen } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../../api/client";
import { staleAfter } from "../../api/keys";
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
  const fix = useMutation({
    mutationFn: ({ id, isTest }: { id: number; isTest: boolean }) =>
      api.patch<Subject>(`/api/subjects/${id}`, { is_test: isTest }),
    onSettled: (_data, _error, { id }) => {
      const change = { kind: "subject", id, project: projectId } as const;
      for (const queryKey of staleAfter(change)) void client.invalidateQueries({ queryKey });
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
                const verb = subject.is_test ? "Release from test" : "Keep as test for ever";
                return (
                  <li key={subject.pseudonym} data-fixed={subject.is_test || undefined}>
                    <span className="cut" title={subject.pseudonym}>
                      {subject.pseudonym}
                    </span>
                    <span className="quiet small">{count(subject.frames)}</span>
                    {mayManage && (
                      <Tooltip label={verb}>
                        <button
                          type="button"
                          aria-label={`${verb}: ${subject.pseudonym}`}
                          aria-pressed={subject.is_test}
                          disabled={fix.isPending}
                          onClick={() => fix.mutate({ id: subject.id, isTest: !subject.is_test })}
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
