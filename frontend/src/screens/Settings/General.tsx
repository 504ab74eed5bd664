import { NumberInput, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Project } from "../../api/types";
import { errorText } from "../../ui/ErrorState";
import styles from "./Settings.module.css";

type Changes = Partial<
  Pick<Project, "name" | "description" | "frames_per_clip" | "forbid_own_review" | "ranking">
>;

/** Each setting is saved as it is left: there is no button to forget. */
export function General({ project, mayManage }: { project: Project; mayManage: boolean }) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (changes: Changes) => api.patch<Project>(`/api/projects/${project.id}`, changes),
    onSuccess: (changed) => {
      client.setQueryData(keys.project(project.id), changed);
      void client.invalidateQueries({ queryKey: keys.projects });
      notifications.show({ message: "Saved", autoClose: 1200 });
    },
    onError: (error) => notifications.show({ color: "red", title: "Not saved", message: errorText(error) }),
  });
  const [name, setName] = useState(project.name);
  const [description, setDescription] = useState(project.description);
  const [frames, setFrames] = useState<number | string>(project.frames_per_clip);
  return (
    <Stack gap={0} className={styles.rows}>
      <Setting title="Name">
        <TextInput
          aria-label="Name"
          value={name}
          maxLength={200}
          disabled={!mayManage}
          onChange={(event) => setName(event.currentTarget.value)}
          onBlur={() => {
            if (!name.trim()) setName(project.name);
            else if (name.trim() !== project.name) save.mutate({ name: name.trim() });
          }}
        />
      </Setting>
      <Setting title="What it is about">
        <Textarea
          aria-label="What it is about"
          autosize
          minRows={2}
          maxRows={8}
          value={description}
          disabled={!mayManage}
          onChange={(event) => setDescription(event.currentTarget.value)}
          onBlur={() => {
            if (description !== project.description) save.mutate({ description });
          }}
        />
      </Setting>
      <Setting
        title="Frames to annotate per clip"
        text="Spread evenly over each new clip. Clips that are here already keep theirs."
      >
        <NumberInput
          aria-label="Frames to annotate per clip"
          w={120}
          min={1}
          max={1000}
          value={frames}
          disabled={!mayManage}
          onChange={setFrames}
          onBlur={() => {
            const wanted = Number(frames);
            if (frames === "" || !Number.isInteger(wanted)) setFrames(project.frames_per_clip);
            else if (wanted !== project.frames_per_clip) save.mutate({ frames_per_clip: wanted });
          }}
        />
      </Setting>
      <Setting
        title="Four eyes"
        text="Nobody accepts their own work: gold frames were looked at by two people."
      >
        <Switch
          aria-label="Nobody accepts their own work"
          checked={project.forbid_own_review}
          disabled={!mayManage}
          onChange={(event) => save.mutate({ forbid_own_review: event.currentTarget.checked })}
        />
      </Setting>
      <Setting
        title="Most uncertain first"
        text="Off: frames with something drawn come in random order. On: one in five still does, to show whether it helps."
      >
        <Switch
          aria-label="Most uncertain first"
          checked={project.ranking === "uncertain"}
          disabled={!mayManage}
          onChange={(event) => save.mutate({ ranking: event.currentTarget.checked ? "uncertain" : "random" })}
        />
      </Setting>
    </Stack>
  );
}

export function Setting({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <div className={styles.setting}>
      <div>
        <h2>{title}</h2>
        {text && <p className="small quiet">{text}</p>}
      </div>
      <div className={styles.value}>{children}</div>
    </div>
  );
}
