import { Button, Checkbox, Modal, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useStats } from "../../api/hooks";
import type { Gate, Job, Model } from "../../api/types";
import { errorText } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { GateLine } from "../../ui/GateLine";
import { GATE_ASKS, promotionConsequences } from "./intervals";
import styles from "./Models.module.css";

/** Spells out what promoting does before it does it. */
export function PromoteDialog({
  projectId,
  candidate,
  champion,
  gate,
  onClose,
}: {
  projectId: number;
  candidate: Model;
  champion: Model | null;
  gate: Gate | null;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const stats = useStats(projectId);
  const untouched = stats.data?.untouched ?? 0;
  const [redraft, setRedraft] = useState(true);
  const [note, setNote] = useState("");
  const against = gate !== null && !gate.passed;
  const promote = useMutation({
    mutationFn: () =>
      api.post<{ model: Model; job: Job | null }>(`/api/models/${candidate.id}/promote`, {
        redraft: redraft && untouched > 0,
        ...(against && { override: true, note: note.trim() }),
      }),
    onSuccess: ({ job }) => {
      void client.invalidateQueries();
      notifications.show({
        message: `Model ${candidate.number} is the champion now.${job ? " Redrafting runs; see Jobs." : ""}`,
      });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Promote model ${candidate.number}`}>
      <ul className={styles.consequences}>
        {promotionConsequences(candidate, champion).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <Checkbox
        checked={redraft && untouched > 0}
        disabled={untouched === 0}
        onChange={(event) => setRedraft(event.currentTarget.checked)}
        label={
          untouched > 0
            ? `Redraft ${plural(untouched, "frame")} no person has touched`
            : "No frame is left to redraft: people have touched them all"
        }
        description={untouched > 0 ? "Runs in the background, worst frames become visible first." : undefined}
      />
      {gate && (
        <section className={styles.gate} aria-label="Gate">
          <GateLine gate={gate} />
          <p className="quiet small">{GATE_ASKS}</p>
          {against && (
            <Textarea
              label="Why promote it all the same"
              description="Kept in the audit trail with your name."
              value={note}
              maxLength={500}
              autosize
              minRows={2}
              onChange={(event) => setNote(event.currentTarget.value)}
            />
          )}
        </section>
      )}
      {promote.error && (
        <p role="alert" style={{ color: "var(--danger)", marginTop: 16 }}>
          {errorText(promote.error)}
        </p>
      )}
      <div className={styles.buttons}>
        <Button variant="default" onClick={onClose}>
          Keep {champion ? `model ${champion.number}` : "as it is"}
        </Button>
        <Button
          loading={promote.isPending}
          disabled={against && !note.trim()}
          color={against ? "red" : undefined}
          onClick={() => promote.mutate()}
          data-autofocus
        >
          Promote model {candidate.number}
        </Button>
      </div>
    </Modal>
  );
}

/** The champion steps back for the one it replaced. */
export function RollBackDialog({ champion, onClose }: { champion: Model; onClose: () => void }) {
  const client = useQueryClient();
  const before = champion.replaced?.number;
  const rollBack = useMutation({
    mutationFn: () => api.post<Model>(`/api/models/${champion.id}/rollback`),
    onSuccess: (model) => {
      void client.invalidateQueries();
      notifications.show({ message: `Model ${model.number} is the champion again.` });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Roll back to model ${before}`}>
      <ul className={styles.consequences}>
        <li>Model {before} is champion again and drafts every clip that comes in from now on.</li>
        <li>Model {champion.number} is retired and kept.</li>
        <li>Drafts already made stay; nothing a person has saved changes.</li>
      </ul>
      {rollBack.error && (
        <p role="alert" style={{ color: "var(--danger)" }}>
          {errorText(rollBack.error)}
        </p>
      )}
      <div className={styles.buttons}>
        <Button variant="default" onClick={onClose}>
          Keep model {champion.number}
        </Button>
        <Button loading={rollBack.isPending} onClick={() => rollBack.mutate()} data-autofocus>
          Roll back
        </Button>
      </div>
    </Modal>
  );
}
