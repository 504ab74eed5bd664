import { ActionIcon, Button, Group, Input, Menu, Modal, NumberInput, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDots, IconPlayerTrackNext, IconRuler, IconSparkles, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Navigate, useNavigate } from "react-router";
import { api } from "../../api/client";
import { useClip, useProject } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { Clip, Frame, Job, PageOf, Project } from "../../api/types";
import { useClipId, useProjectId } from "../../app/params";
import { ProgressLine } from "../../ui/Bars";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState, errorText } from "../../ui/ErrorState";
import { bytes, clipLength, plural } from "../../ui/format";
import { Page } from "../../ui/Page";
import { BlockSkeleton } from "../../ui/Skeletons";
import { jobProgress, jobWords } from "../Jobs/words";
import styles from "./Clip.module.css";
import { ClipPlayer } from "./ClipPlayer";

const PAGE = 5000;

/** All frames of a clip, by index. The strip draws every one, so all pages are asked for. */
async function allFrames(clip: number, signal: AbortSignal): Promise<Frame[]> {
  const frames: Frame[] = [];
  let cursor: string | null = null;
  do {
    const page: PageOf<Frame> = await api.get(`/api/clips/${clip}/frames`, {
      query: { limit: PAGE, cursor },
      signal,
    });
    frames.push(...page.results);
    cursor = page.next;
  } while (cursor);
  return frames;
}

export default function ClipScreen() {
  const projectId = useProjectId();
  const clipId = useClipId();
  const project = useProject(projectId);
  const clip = useClip(clipId);
  // A clip is shown with the labels and champion of its own project, whatever the address says.
  if (clip.data && clip.data.project !== projectId)
    return <Navigate to={`/p/${clip.data.project}/clips/${clipId}`} replace />;
  const error = project.error ?? clip.error;
  if (error && !(project.data && clip.data))
    return (
      <ErrorState
        error={error}
        retry={() => {
          void project.refetch();
          void clip.refetch();
        }}
      />
    );
  if (!project.data || !clip.data)
    return (
      <Page title={"\u00a0"} wide>
        <BlockSkeleton height={480} />
      </Page>
    );
  return <ClipPage key={clipId} clip={clip.data} project={project.data} />;
}

function ClipPage({ clip, project }: { clip: Clip; project: Project }) {
  const readable = clip.state === "ready" || clip.state === "partial";
  const frames = useQuery({
    queryKey: keys.frames(clip.id),
    enabled: readable,
    queryFn: ({ signal }) => allFrames(clip.id, signal),
  });
  const facts = [
    clip.frame_count > 0 && plural(clip.frame_count, "frame"),
    clip.duration_seconds !== null && clipLength(clip.duration_seconds),
    clip.width && `${clip.width} × ${clip.height}`,
    [clip.container, clip.codec].filter(Boolean).join(" / "),
    bytes(clip.byte_size),
    clip.millimetres_per_pixel ? `${clip.millimetres_per_pixel.toFixed(3)} mm per pixel` : "scale unknown",
  ].filter(Boolean);
  return (
    <Page
      wide
      title={`${clip.subject.pseudonym} · clip ${clip.number}`}
      note={
        <>
          <p>{facts.join(" · ")}</p>
          {clip.state === "partial" && (
            <p className={styles.partial}>
              Partial: {clip.state_reason}
              {clip.declared_frames !== null &&
                ` The file promises ${plural(clip.declared_frames, "frame")}, ${clip.frame_count} could be read.`}
            </p>
          )}
        </>
      }
      actions={<ClipActions clip={clip} project={project} />}
    >
      {clip.state === "processing" && (
        <div className={styles.waiting}>
          <p>{clip.job ? jobWords(clip.job) : "Reading frames"}</p>
          <ProgressLine value={clip.job ? jobProgress(clip.job) : null} />
        </div>
      )}
      {clip.state === "failed" && <Failed clip={clip} />}
      {readable && frames.isPending && <BlockSkeleton height={480} />}
      {readable && frames.error && <ErrorState error={frames.error} retry={() => void frames.refetch()} />}
      {frames.data && frames.data.length > 0 && (
        <ClipPlayer clip={clip} frames={frames.data} project={project} />
      )}
    </Page>
  );
}

function Failed({ clip }: { clip: Clip }) {
  const retry = useMutation({ mutationFn: (job: Job) => api.post(`/api/jobs/${job.id}/retry`) });
  const { job } = clip;
  return (
    <EmptyState
      title="This clip could not be read"
      text={clip.state_reason || job?.error || "No reason was given."}
      action={
        job ? (
          <Button variant="default" loading={retry.isPending} onClick={() => retry.mutate(job)}>
            Try again
          </Button>
        ) : undefined
      }
    />
  );
}

type Dialog = "select" | "scale" | "remove" | null;

function ClipActions({ clip, project }: { clip: Clip; project: Project }) {
  const [dialog, setDialog] = useState<Dialog>(null);
  const mayAnnotate = project.may.includes("annotate");
  const mayManage = project.may.includes("manage");
  const draft = useMutation({
    mutationFn: () => api.post<{ job: Job }>(`/api/clips/${clip.id}/draft`),
    onSuccess: () =>
      notifications.show({
        title: "Drafting",
        message: "The champion drafts this clip’s frames. No person’s work is touched.",
      }),
    onError: (error) => notifications.show({ color: "red", title: "Not drafted", message: errorText(error) }),
  });
  if (!mayAnnotate && !mayManage) return null;
  return (
    <>
      {mayAnnotate && project.champion && clip.frame_count > 0 && (
        <Button
          variant="default"
          leftSection={<IconSparkles size={16} />}
          loading={draft.isPending}
          onClick={() => draft.mutate()}
        >
          Draft masks
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label="More about this clip">
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPlayerTrackNext size={16} />} onClick={() => setDialog("select")}>
            Select frames to annotate
          </Menu.Item>
          <Menu.Item leftSection={<IconRuler size={16} />} onClick={() => setDialog("scale")}>
            Set the scale
          </Menu.Item>
          {mayManage && (
            <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setDialog("remove")}>
              Delete this clip
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <SelectDialog clip={clip} opened={dialog === "select"} onClose={() => setDialog(null)} />
      <ScaleDialog clip={clip} opened={dialog === "scale"} onClose={() => setDialog(null)} />
      <RemoveDialog clip={clip} opened={dialog === "remove"} onClose={() => setDialog(null)} />
    </>
  );
}

interface DialogProps {
  clip: Clip;
  opened: boolean;
  onClose: () => void;
}

function useClipChange<Body>(clip: Clip, send: (body: Body) => Promise<Clip>, onClose: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: (changed) => {
      client.setQueryData(keys.clip(clip.id), changed);
      void client.invalidateQueries({ queryKey: keys.frames(clip.id).slice(0, 2) });
      onClose();
    },
  });
}

function SelectDialog({ clip, opened, onClose }: DialogProps) {
  const [wanted, setWanted] = useState<number | string>(clip.selected || 12);
  const change = useClipChange(
    clip,
    (value: number) => api.post<Clip>(`/api/clips/${clip.id}/select`, { count: value }),
    onClose,
  );
  return (
    <Modal opened={opened} onClose={onClose} title="Select frames to annotate">
      <Stack gap={16}>
        <NumberInput
          label="How many"
          description={`Spread evenly over the ${clip.frame_count} frames. Frames with work on them stay selected.`}
          min={0}
          max={clip.frame_count}
          value={wanted}
          onChange={setWanted}
          data-autofocus
        />
        {change.error && <Input.Error>{errorText(change.error)}</Input.Error>}
        <Group justify="flex-end">
          <Button
            loading={change.isPending}
            disabled={wanted === ""}
            onClick={() => change.mutate(Number(wanted))}
          >
            Select frames
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function ScaleDialog({ clip, opened, onClose }: DialogProps) {
  const [scale, setScale] = useState<number | string>(clip.millimetres_per_pixel ?? "");
  const change = useClipChange(
    clip,
    (value: number | null) => api.patch<Clip>(`/api/clips/${clip.id}`, { millimetres_per_pixel: value }),
    onClose,
  );
  return (
    <Modal opened={opened} onClose={onClose} title="Set the scale">
      <Stack gap={16}>
        <NumberInput
          label="Millimetres per pixel"
          description="Distances in the editor are then in millimetres. Leave empty where it is unknown."
          min={0.001}
          max={10}
          step={0.01}
          decimalScale={4}
          value={scale}
          onChange={setScale}
          data-autofocus
        />
        {change.error && <Input.Error>{errorText(change.error)}</Input.Error>}
        <Group justify="flex-end">
          <Button
            loading={change.isPending}
            onClick={() => change.mutate(scale === "" ? null : Number(scale))}
          >
            Set scale
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function RemoveDialog({ clip, opened, onClose }: DialogProps) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () => api.delete(`/api/clips/${clip.id}`),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["clips", clip.project] });
      void navigate(`/p/${clip.project}/clips`, { replace: true });
    },
  });
  const worked = clip.open + clip.submitted + clip.returned + clip.accepted;
  return (
    <Modal opened={opened} onClose={onClose} title="Delete this clip?">
      <Stack gap={16}>
        <Text>
          Its {plural(clip.frame_count, "frame")} go for good
          {worked > 0 ? `, and with them the corrections on ${plural(worked, "frame")}.` : "."} Frozen
          datasets that use it keep it from being deleted.
        </Text>
        {remove.error && <Input.Error>{errorText(remove.error)}</Input.Error>}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Keep it
          </Button>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate()}>
            Delete clip
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
