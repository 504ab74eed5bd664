import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { FrameDetail, Revision } from "../../api/types";
import { count, duration, plural, score } from "../../ui/format";
import { RelativeTime } from "../../ui/RelativeTime";
import styles from "./Editor.module.css";

/** Who saved the frame when, and what each revision cost; asked for when it is unfolded. */
export function HistoryPanel({ detail }: { detail: FrameDetail }) {
  const [open, setOpen] = useState(false);
  const head = detail.annotation?.head ?? 0;
  const history = useQuery({
    queryKey: [...keys.revisions(detail.id), "history", head],
    queryFn: () => api.get<Revision[]>(`/api/frames/${detail.id}/revisions`),
    enabled: open && head > 0,
  });
  if (head === 0) return null;
  return (
    <section>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>History, {plural(head, "revision")}</summary>
        <ol className={styles.history} data-testid="history">
          {history.data?.map((revision) => (
            <li key={revision.id}>
              <span>
                <strong>r{revision.number}</strong> {revision.author},{" "}
                <RelativeTime at={revision.created_at} />
              </span>
              <span className="quiet">{effortOf(revision).join(" · ")}</span>
            </li>
          ))}
        </ol>
      </details>
    </section>
  );
}

/** What is known of a revision's effort, in words. */
export function effortOf(revision: Revision): string[] {
  const { active_seconds, strokes, clicks, pixels_changed, draft_dice } = revision;
  const told = [];
  if (active_seconds > 0) told.push(duration(active_seconds));
  if (strokes !== null) told.push(plural(strokes, "stroke"));
  if (clicks !== null) told.push(plural(clicks, "click"));
  if (pixels_changed !== null) told.push(`${count(pixels_changed)} px changed`);
  if (draft_dice !== null) told.push(`Dice with the draft ${score(draft_dice, 2)}`);
  return told;
}
