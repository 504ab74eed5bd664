import { Button, Group, Input, Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { api } from "../../api/client";
import { usePresets } from "../../api/hooks";
import { keys } from "../../api/keys";
import type { Project } from "../../api/types";
import { errorText } from "../../ui/ErrorState";
import { BlockSkeleton } from "../../ui/Skeletons";
import styles from "./Projects.module.css";
import { Swatches } from "./Swatches";

/** A name and what will be drawn: nothing else is asked. Everything can be changed later. */
export function CreateProject({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const presets = usePresets();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const preset = chosen ?? presets.data?.[0]?.key ?? "none";

  const create = useMutation({
    mutationFn: () =>
      api.post<Project>("/api/projects", {
        name: name.trim(),
        description: description.trim(),
        ...(preset === "none" ? {} : { preset }),
      }),
    onSuccess: (project) => {
      client.setQueryData(keys.project(project.id), project);
      void client.invalidateQueries({ queryKey: keys.projects });
      onClose();
      void navigate(preset === "none" ? `/p/${project.id}/settings?tab=labels` : `/p/${project.id}`);
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    create.mutate();
  }
  return (
    <Modal opened={opened} onClose={onClose} title="Create a project" size={560}>
      <form onSubmit={submit}>
        <Stack gap={16}>
          <TextInput
            label="Name"
            placeholder="Lumbar pilot"
            value={name}
            maxLength={200}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
            required
            withAsterisk={false}
          />
          <TextInput
            label="What it is about"
            placeholder="Optional"
            value={description}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
          <Radio.Group label="Structures to draw" value={preset} onChange={setChosen}>
            <div className={styles.presets} style={{ marginTop: 6 }}>
              {presets.isPending && <BlockSkeleton height={168} />}
              {presets.error && <Input.Error>{errorText(presets.error)}</Input.Error>}
              {presets.data?.map((one) => (
                <Radio.Card
                  key={one.key}
                  value={one.key}
                  className={styles.preset}
                  data-checked={preset === one.key || undefined}
                >
                  <div className={styles.presetHead}>
                    <span>{one.name}</span>
                    <Swatches labels={one.labels} />
                  </div>
                  <div className={styles.presetNames}>{one.labels.map((label) => label.name).join(", ")}</div>
                </Radio.Card>
              ))}
              {presets.data && (
                <Radio.Card
                  value="none"
                  className={styles.preset}
                  data-checked={preset === "none" || undefined}
                >
                  <span>My own labels</span>
                  <div className={styles.presetNames}>Start empty and name the structures next.</div>
                </Radio.Card>
              )}
            </div>
          </Radio.Group>
          {create.error && <Input.Error>{errorText(create.error)}</Input.Error>}
          <Group justify="space-between" wrap="nowrap">
            <Text size="xs" c="dimmed">
              Labels can be added, renamed and recoloured at any time.
            </Text>
            <Button type="submit" loading={create.isPending} disabled={!name.trim()}>
              Create project
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
