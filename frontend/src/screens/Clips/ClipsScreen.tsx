import { Button, FileButton, Menu, SegmentedControl, Select } from "@mantine/core";
import { useElementSize, useLocalStorage } from "@mantine/hooks";
import {
  IconChevronDown,
  IconFolder,
  IconLayoutGrid,
  IconList,
  IconMovie,
  IconUpload,
} from "@tabler/icons-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { useClips, useProject, useStats, useSubjects } from "../../api/hooks";
import type { Clip, Project } from "../../api/types";
import { filesOfInput, sourcesOf, type UploadSource } from "../../api/uploads";
import { useProjectId } from "../../app/params";
import { useKeys } from "../../app/useKeys";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { plural } from "../../ui/format";
import { Page } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { VirtualRows } from "../../ui/VirtualRows";
import { ClipCard } from "./ClipCard";
import styles from "./Clips.module.css";
import { ClipsTable } from "./ClipsTable";
import { DropClips } from "./DropClips";
import { UploadPanel } from "./UploadPanel";

const STATES = [
  { value: "processing", label: "Being read" },
  { value: "ready", label: "Ready" },
  { value: "partial", label: "Partial" },
  { value: "failed", label: "Failed" },
];

export default function ClipsScreen() {
  const projectId = useProjectId();
  const project = useProject(projectId);
  if (project.error && !project.data)
    return <ErrorState error={project.error} retry={() => void project.refetch()} />;
  if (!project.data)
    return (
      <Page title="Clips" wide>
        {null}
      </Page>
    );
  return <Clips project={project.data} />;
}

function Clips({ project }: { project: Project }) {
  const [params, setParams] = useSearchParams();
  const [view, setView] = useLocalStorage<"wall" | "table">({
    key: "sonoloop.clips.view",
    defaultValue: "wall",
  });
  const [sources, setSources] = useState<UploadSource[]>([]);
  const subject = params.get("subject");
  const state = params.get("state");
  const clips = useClips(project.id, { subject, state });
  const stats = useStats(project.id);
  const subjects = useSubjects(project.id);
  const names = useMemo(() => subjects.rows.map(({ pseudonym }) => pseudonym), [subjects.rows]);
  const files = useRef<HTMLButtonElement>(null);
  const mayUpload = project.may.includes("upload");
  useKeys(mayUpload ? { u: () => files.current?.click() } : {});

  // The overview's "Upload clips" leads here and straight on to the files.
  const asked = params.has("upload");
  useEffect(() => {
    if (!asked) return;
    files.current?.click();
    setParams(
      (old) => {
        old.delete("upload");
        return old;
      },
      { replace: true },
    );
  }, [asked, setParams]);

  function filter(name: "subject" | "state", value: string | null) {
    setParams(
      (old) => {
        if (value) old.set(name, value);
        else old.delete(name);
        return old;
      },
      { replace: true },
    );
  }
  const choose = mayUpload && <Choose buttonRef={files} onChosen={setSources} />;
  const nothing = clips.isSuccess && clips.rows.length === 0;
  const filtered = subject !== null || state !== null;
  const more = () => {
    if (clips.hasNextPage && !clips.isFetchingNextPage) void clips.fetchNextPage();
  };
  return (
    <DropClips project={project} sources={sources} onSources={setSources}>
      <Page
        wide
        title="Clips"
        note={
          stats.data && stats.data.clips > 0
            ? `${plural(stats.data.clips, "clip")} of ${plural(stats.data.subjects, "subject")}`
            : undefined
        }
        actions={choose}
      >
        <UploadPanel projectId={project.id} />
        {(!nothing || filtered) && (
          <div className={styles.tools}>
            <Select
              aria-label="Subject"
              placeholder="All subjects"
              data={subject && !names.includes(subject) ? [subject, ...names] : names}
              value={subject}
              onChange={(value) => filter("subject", value)}
              searchable
              clearable
              limit={50}
              nothingFoundMessage="No such subject"
              w={200}
            />
            <Select
              aria-label="State"
              placeholder="Any state"
              data={STATES}
              value={state}
              onChange={(value) => filter("state", value)}
              clearable
              w={160}
            />
            <SegmentedControl
              ml="auto"
              aria-label="View"
              value={view}
              onChange={(value) => setView(value as "wall" | "table")}
              data={[
                {
                  value: "wall",
                  label: (
                    <span className={styles.view}>
                      <IconLayoutGrid size={15} /> Wall
                    </span>
                  ),
                },
                {
                  value: "table",
                  label: (
                    <span className={styles.view}>
                      <IconList size={15} /> Table
                    </span>
                  ),
                },
              ]}
            />
          </div>
        )}
        {clips.isPending && <BlockSkeleton height={320} />}
        {clips.error && <ErrorState error={clips.error} retry={() => void clips.refetch()} />}
        {nothing &&
          (filtered ? (
            <EmptyState
              title="No clip is like that"
              text="No clip has this subject and state."
              action={
                <Button variant="default" onClick={() => setParams({}, { replace: true })}>
                  Show all clips
                </Button>
              }
            />
          ) : (
            <EmptyState
              picture={<IconMovie size={40} stroke={1.2} />}
              title="Drop your first clips here"
              text={
                mayUpload
                  ? "Ultrasound videos (mp4, mov, avi, mpeg, gif), or stills as a folder or zip. Drop several at once; you will be asked for the subject’s pseudonym, nothing else."
                  : "Nobody has uploaded a clip yet, and your role here does not upload. Ask a manager."
              }
              action={
                mayUpload ? <Button onClick={() => files.current?.click()}>Choose files</Button> : undefined
              }
            />
          ))}
        {clips.rows.length > 0 &&
          (view === "wall" ? (
            <Wall clips={clips.rows} onNearEnd={more} />
          ) : (
            <ClipsTable clips={clips.rows} onNearEnd={more} />
          ))}
      </Page>
    </DropClips>
  );
}

const CARD = 232;
const GAP = 24;
/** What a card adds below its picture. */
const CAPTION = 76;

/** First frames side by side, as many to a row as fit. */
function Wall({ clips, onNearEnd }: { clips: Clip[]; onNearEnd: () => void }) {
  const { ref, width } = useElementSize();
  const across = Math.max(1, Math.floor((width + GAP) / (CARD + GAP)));
  const cardWidth = (width - GAP * (across - 1)) / across;
  return (
    <div ref={ref}>
      {width > 0 && (
        <VirtualRows
          count={Math.ceil(clips.length / across)}
          rowHeight={Math.round(cardWidth * 0.75) + CAPTION}
          onNearEnd={onNearEnd}
          row={(index) => (
            <div
              className={styles.wall}
              style={{ gridTemplateColumns: `repeat(${across}, minmax(0, 1fr))`, gap: GAP }}
            >
              {clips.slice(index * across, (index + 1) * across).map((clip) => (
                <ClipCard key={clip.id} clip={clip} />
              ))}
            </div>
          )}
        />
      )}
    </div>
  );
}

function Choose({
  buttonRef,
  onChosen,
}: {
  buttonRef: React.Ref<HTMLButtonElement>;
  onChosen: (sources: UploadSource[]) => void;
}) {
  const folder = useRef<HTMLInputElement>(null);
  return (
    <Button.Group>
      <FileButton
        multiple
        onChange={(chosen) => onChosen(sourcesOf(chosen.map((file) => ({ file, folder: "" }))))}
      >
        {(props) => (
          <Button
            {...props}
            ref={buttonRef}
            leftSection={<IconUpload size={16} />}
            rightSection={<kbd>U</kbd>}
          >
            Upload clips
          </Button>
        )}
      </FileButton>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button px={8} aria-label="More ways to upload">
            <IconChevronDown size={16} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconFolder size={16} />} onClick={() => folder.current?.click()}>
            Upload a folder of stills
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <input
        ref={folder}
        type="file"
        hidden
        // React has no type for it, every browser has the attribute.
        {...{ webkitdirectory: "" }}
        onChange={(event) => {
          if (event.currentTarget.files) onChosen(sourcesOf(filesOfInput(event.currentTarget.files)));
          event.currentTarget.value = "";
        }}
      />
    </Button.Group>
  );
}
