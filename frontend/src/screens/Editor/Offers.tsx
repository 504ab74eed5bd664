import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import type { FrameDetail, Project } from "../../api/types";
import { Labelmap, type SaveState } from "../../editor";
import { timeAgo } from "../../ui/format";
import styles from "./Editor.module.css";
import { fetchDraft } from "./ports";
import { type Desk, useRecovered } from "./useSession";

/** What may be started from: work an earlier visit lost, the draft, or nothing. One bar, over the picture. */
export function Offers({
  desk,
  detail,
  project,
  save,
}: {
  desk: Desk;
  detail: FrameDetail | null;
  project: Project;
  save: SaveState;
}) {
  const { session } = desk;
  const recovered = useRecovered(session);
  const [start, setStart] = useState<"draft" | "blank">("draft");
  const frameId = detail ? String(detail.id) : "";
  // biome-ignore lint/correctness/useExhaustiveDependencies: another frame starts from its own draft again
  useEffect(() => setStart("draft"), [frameId]);

  if (!detail) return null;
  if (recovered && recovered.frameId === frameId) {
    return (
      <div className={styles.offer} role="status" data-testid="recovered">
        <span>
          Unsaved work from {timeAgo(new Date(recovered.at).toISOString())} was found on this device.
          {recovered.isOutdated && " Somebody has saved since; put back, it becomes the newest version."}
        </span>
        <Button size="compact-xs" onClick={() => void session.takeRecovered()}>
          Put it back
        </Button>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={() => void session.dropRecovered()}>
          Drop it
        </Button>
      </div>
    );
  }
  if (detail.state === "accepted" && project.may.includes("annotate") && !project.may.includes("review"))
    return (
      <div className={styles.offer} data-testid="gold">
        <span>This frame is gold: only a reviewer may change it.</span>
      </div>
    );
  if (!project.may.includes("annotate") || save.kind !== "saved" || save.number > 0 || detail.annotation)
    return null;

  const startFrom = async (wanted: "draft" | "blank") => {
    const open = session.editor.openFrame;
    if (open?.id !== frameId) return;
    const { width, height } = open.document.labelmap;
    const map = wanted === "draft" ? await fetchDraft(frameId) : new Labelmap(width, height);
    // A stroke made while the draft was on its way is work: it is not painted over.
    if (!map || session.frameId !== frameId || session.autosave.unsavedMap(frameId)) return;
    session.autosave.opened(frameId, '"r0"', 0, wanted);
    session.editor.replaceMap(map);
    setStart(wanted);
  };
  if (detail.draft) {
    return (
      <div className={styles.offer} data-testid="start-offer" data-start={start}>
        <span>
          {start === "draft"
            ? `Starting from the draft of model ${detail.draft.model.number}.`
            : "Starting from nothing."}
        </span>
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => void startFrom(start === "draft" ? "blank" : "draft")}
        >
          {start === "draft" ? "Start blank" : "Use the draft"}
        </Button>
      </div>
    );
  }
  if (!detail.selected) return null;
  return (
    <div className={styles.offer} data-testid="start-offer" data-start="blank">
      {project.champion ? (
        <span>No draft for this frame yet. Draw from nothing, or ask for drafts on the clip's page.</span>
      ) : (
        <span>
          This project has no model yet, so there are no drafts: the first frames are drawn by hand.{" "}
          <Link to={`/p/${project.id}/models`}>Models</Link>
        </span>
      )}
    </div>
  );
}
