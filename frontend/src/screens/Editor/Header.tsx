import { ActionIcon, Button, Tooltip } from "@mantine/core";
import {
  IconArrowLeft,
  IconEye,
  IconEyeOff,
  IconKeyboard,
  IconLayoutSidebarRight,
} from "@tabler/icons-react";
import { Link } from "react-router";
import type { FrameDetail, Project } from "../../api/types";
import { describe, type SaveState } from "../../editor";
import { count } from "../../ui/format";
import { StateBadge } from "../../ui/StateBadge";
import styles from "./Editor.module.css";
import { useKeyName } from "./keyNames";
import type { Work } from "./useWork";

/** Where one is, whether it is saved, and what can be done with the frame as a whole. */
export function Header({
  project,
  detail,
  save,
  work,
  isReviewing,
  masksHidden,
  onHideMasks,
  panels,
  onPanels,
  onReturn,
  onHelp,
  onReload,
  onChoose,
}: {
  project: Project;
  detail: FrameDetail | null;
  save: SaveState;
  work: Work;
  /** Came from the wall, where Y accepts. */
  isReviewing: boolean;
  masksHidden: boolean;
  onHideMasks: (hide: boolean) => void;
  /** They are shown. */
  panels: boolean;
  onPanels: () => void;
  onReturn: () => void;
  onHelp: () => void;
  onReload: () => void;
  /** Back to the conflict that was put off. */
  onChoose: () => void;
}) {
  const [back, backWords] = isReviewing
    ? ["/review", "Back to the wall"]
    : detail
      ? [`/clips/${detail.clip.id}`, "Back to the clip"]
      : ["", "Back to the project"];
  const withChanges = work.corrects || save.kind !== "saved";
  return (
    <header className={styles.header}>
      <Tooltip label={backWords}>
        <ActionIcon
          component={Link}
          to={`/p/${project.id}${back}`}
          variant="subtle"
          color="gray"
          aria-label={backWords}
        >
          <IconArrowLeft size={18} />
        </ActionIcon>
      </Tooltip>
      {detail && (
        <h1 className={styles.where}>
          <span className="cut" title={detail.clip.subject.pseudonym}>
            {detail.clip.subject.pseudonym}
          </span>
          <span className={styles.dot}>clip {detail.clip.number}</span>
          <span className={styles.dot}>
            frame {count(detail.index + 1)} of {count(detail.clip.frame_count)}
          </span>
        </h1>
      )}
      {detail && (detail.selected ? <StateBadge state={detail.state} /> : <ContextBadge />)}
      <span className={styles.spring} />
      <Saved
        detail={detail}
        save={save}
        onReload={onReload}
        onChoose={onChoose}
        mayAnnotate={work.mayAnnotate}
      />
      {work.mayReview && (
        <>
          <Keyed keys="Shift N" label="Return with a comment">
            <Button variant="default" size="xs" disabled={work.busy} onClick={onReturn}>
              Return
            </Button>
          </Keyed>
          <Keyed
            keys={isReviewing ? "Y" : "Shift Y"}
            label={
              withChanges
                ? "Save and submit your changes, accept them as gold, and go to the next"
                : "Accept as gold and go to the next"
            }
          >
            <Button size="xs" loading={work.busy} onClick={() => void work.accept()}>
              {withChanges ? "Accept with my changes" : "Accept"}
            </Button>
          </Keyed>
        </>
      )}
      {work.mayAnnotate && detail?.state !== "submitted" && (
        <Keyed keys="Enter" label="Submit for review and go to the next">
          <Button
            size="xs"
            loading={work.busy}
            disabled={!detail?.selected}
            onClick={() => void work.submit()}
          >
            Submit
          </Button>
        </Keyed>
      )}
      <Keyed keys="W" label="Next that needs a person">
        <Button variant="default" size="xs" disabled={work.busy} onClick={() => void work.next()}>
          Next
        </Button>
      </Keyed>
      <Keyed keys="H" label={masksHidden ? "Show masks" : "Hide masks; with the key while held"}>
        <ActionIcon
          variant={masksHidden ? "light" : "subtle"}
          color={masksHidden ? "yellow" : "gray"}
          aria-label="Hide masks"
          aria-pressed={masksHidden}
          onClick={() => onHideMasks(!masksHidden)}
        >
          {masksHidden ? <IconEyeOff size={18} /> : <IconEye size={18} />}
        </ActionIcon>
      </Keyed>
      <Keyed keys="Tab" label={panels ? "Hide the panels" : "Show the panels"}>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Panels"
          aria-pressed={panels}
          onClick={onPanels}
        >
          <IconLayoutSidebarRight size={18} />
        </ActionIcon>
      </Keyed>
      <Keyed keys="?" label="Keys">
        <ActionIcon variant="subtle" color="gray" aria-label="Show keys" onClick={onHelp}>
          <IconKeyboard size={18} />
        </ActionIcon>
      </Keyed>
    </header>
  );
}

function ContextBadge() {
  return (
    <span className="quiet small" title="This frame is not picked for annotation; it is here to look at.">
      Not selected
    </span>
  );
}

/** A tooltip that names the key. */
export function Keyed({
  keys,
  label,
  children,
}: {
  keys: string;
  label: string;
  children: React.ReactElement;
}) {
  const name = useKeyName(keys);
  return (
    <Tooltip
      label={
        <>
          {label} <kbd>{name}</kbd>
        </>
      }
    >
      {children}
    </Tooltip>
  );
}

function Saved({
  detail,
  save,
  onReload,
  onChoose,
  mayAnnotate,
}: {
  detail: FrameDetail | null;
  save: SaveState;
  onReload: () => void;
  onChoose: () => void;
  mayAnnotate: boolean;
}) {
  const head = detail?.annotation?.head ?? 0;
  const isOld = save.kind === "saved" && head > save.number;
  if (isOld) {
    return (
      <Button
        className={styles.choose}
        size="compact-xs"
        variant="light"
        color="yellow"
        onClick={onReload}
        data-testid="save-state"
      >
        Newer version exists: load r{head}
      </Button>
    );
  }
  if (save.kind === "conflict") {
    return (
      <Button
        className={styles.choose}
        size="compact-xs"
        variant="light"
        color="yellow"
        onClick={onChoose}
        data-testid="save-state"
      >
        {save.author} saved r{save.number} too, yours is not saved: choose
      </Button>
    );
  }
  const tone =
    save.kind === "saved" ? "calm" : save.kind === "saving" || save.kind === "unsaved" ? "busy" : "warn";
  const text =
    save.kind === "saved" && save.number === 0 && !mayAnnotate
      ? "Look only"
      : save.kind === "refused"
        ? "Not saved, kept on this device"
        : describe(save);
  return (
    <span className={styles.saved} data-tone={tone} role="status" data-testid="save-state" title={text}>
      {text}
    </span>
  );
}
