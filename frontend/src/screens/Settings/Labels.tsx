import { ActionIcon, Button, ColorPicker, Input, Popover, TextInput, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconGripVertical, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type DragEvent, type FormEvent, useState } from "react";
import { api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Label, Project } from "../../api/types";
import { LABEL_COLORS } from "../../editor";
import { EmptyState } from "../../ui/EmptyState";
import { errorText } from "../../ui/ErrorState";
import { moved } from "./order";
import styles from "./Settings.module.css";

type Changes = Partial<Pick<Label, "name" | "color" | "key">>;

/** The structures people draw. A label that goes takes its index with it: no other label ever gets it. */
export function Labels({ project, mayManage }: { project: Project; mayManage: boolean }) {
  const client = useQueryClient();
  const address = `/api/projects/${project.id}/labels`;
  const labels = [...project.labels].sort((one, other) => one.position - other.position);
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);

  const change = useMutation({
    mutationFn: (send: () => Promise<unknown>) => send(),
    onSettled: () => client.invalidateQueries({ queryKey: keys.project(project.id) }),
  });
  const complain = (error: unknown) =>
    notifications.show({ color: "red", title: "Not changed", message: errorText(error) });
  const order = (from: number, to: number) => {
    if (from === to) return;
    const wanted = moved(labels, from, to);
    // Shown at once; the server's word follows.
    client.setQueryData<Project>(keys.project(project.id), {
      ...project,
      labels: wanted.map((label, position) => ({ ...label, position })),
    });
    const indices = wanted.map((label) => label.index);
    change.mutate(() => api.put(`${address}/order`, { indices }), { onError: complain });
  };
  const sharing = (label: Label) =>
    label.key !== "" && labels.some((other) => other.index !== label.index && other.key === label.key);
  function drop(event: DragEvent) {
    event.preventDefault();
    if (dragged !== null && over !== null) order(dragged, over);
    setDragged(null);
    setOver(null);
  }

  return (
    <>
      {labels.length === 0 && !mayManage && <EmptyState title="No labels yet" text="A manager names them." />}
      {labels.length > 0 && (
        <div className={`${styles.label} ${styles.labelHead}`}>
          <span />
          <span />
          <span>Structure</span>
          <span>Key</span>
          <span>Index</span>
          <span />
        </div>
      )}
      <ul style={{ margin: 0, padding: 0, listStyle: "none" }}>
        {labels.map((label, at) => (
          <li
            key={label.index}
            className={styles.label}
            data-dragged={dragged === at || undefined}
            data-over={
              dragged !== null && over === at && dragged !== at
                ? dragged < at
                  ? "below"
                  : "above"
                : undefined
            }
            onDragOver={(event) => {
              if (dragged === null) return;
              event.preventDefault();
              setOver(at);
            }}
            onDrop={drop}
          >
            <Tooltip label="Drag, or ↑ ↓, to reorder">
              <button
                type="button"
                className={styles.grip}
                disabled={!mayManage}
                draggable={mayManage}
                aria-label={`Move ${label.name}`}
                onDragStart={() => setDragged(at)}
                onDragEnd={() => {
                  setDragged(null);
                  setOver(null);
                }}
                onKeyDown={(event) => {
                  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
                  if (!step || !labels[at + step]) return;
                  event.preventDefault();
                  order(at, at + step);
                }}
              >
                <IconGripVertical size={16} />
              </button>
            </Tooltip>
            <LabelRow
              label={label}
              sharesKey={sharing(label)}
              mayManage={mayManage}
              save={(changes, takeBack) =>
                change.mutate(() => api.patch(`${address}/${label.index}`, changes), {
                  onError: (error) => {
                    takeBack();
                    complain(error);
                  },
                })
              }
              remove={() =>
                change.mutate(() => api.delete(`${address}/${label.index}`), { onError: complain })
              }
            />
          </li>
        ))}
      </ul>
      {labels.some((label) => sharing(label)) && (
        <Input.Error role="alert" mt={12}>
          Labels with the same key: in the editor it picks only the upper one. Give the other another key.
        </Input.Error>
      )}
      {mayManage && (
        <AddLabel
          autoFocus={labels.length === 0}
          busy={change.isPending}
          add={(name) => change.mutateAsync(() => api.post<Label>(address, { name }))}
        />
      )}
    </>
  );
}

function LabelRow({
  label,
  sharesKey,
  mayManage,
  save,
  remove,
}: {
  label: Label;
  /** Another label has the same key: the editor can heed only the first. */
  sharesKey: boolean;
  mayManage: boolean;
  /** `takeBack` runs when the server refuses. */
  save: (changes: Changes, takeBack: () => void) => void;
  remove: () => void;
}) {
  const [name, setName] = useState(label.name);
  const [key, setKey] = useState(label.key);
  const [color, setColor] = useState(label.color);
  const [sure, setSure] = useState(false);
  return (
    <>
      <Popover
        position="bottom-start"
        onClose={() => color !== label.color && save({ color }, () => setColor(label.color))}
        disabled={!mayManage}
      >
        <Popover.Target>
          <button
            type="button"
            className={styles.swatch}
            style={{ background: color }}
            aria-label={`Colour of ${label.name}`}
          />
        </Popover.Target>
        <Popover.Dropdown>
          <ColorPicker
            format="hex"
            value={color}
            onChange={setColor}
            swatches={[...LABEL_COLORS]}
            swatchesPerRow={6}
          />
        </Popover.Dropdown>
      </Popover>
      <TextInput
        variant="unstyled"
        aria-label="Structure"
        value={name}
        maxLength={80}
        readOnly={!mayManage}
        onChange={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        onBlur={() => {
          if (!name.trim()) setName(label.name);
          else if (name.trim() !== label.name) save({ name: name.trim() }, () => setName(label.name));
        }}
      />
      <TextInput
        size="xs"
        error={sharesKey}
        aria-label={`Key of ${label.name}`}
        value={key}
        placeholder="–"
        disabled={!mayManage}
        styles={{ input: { textAlign: "center" } }}
        // The last digit typed wins, so there is no need to delete the old one first.
        onChange={(event) => setKey(event.currentTarget.value.replace(/\D/g, "").slice(-1))}
        onBlur={() => {
          if (key !== label.key) save({ key }, () => setKey(label.key));
        }}
      />
      <span className="quiet">{label.index}</span>
      {mayManage ? (
        <Popover opened={sure} onChange={setSure} position="bottom-end" trapFocus>
          <Popover.Target>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Remove ${label.name}`}
              onClick={() => setSure(!sure)}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Popover.Target>
          <Popover.Dropdown maw={280}>
            <p className="small">
              Nobody can draw “{label.name}” any more. What is drawn stays as it is, and index {label.index}{" "}
              is never used again.
            </p>
            <Button color="red" size="xs" mt={12} onClick={remove}>
              Remove label
            </Button>
          </Popover.Dropdown>
        </Popover>
      ) : (
        <span />
      )}
    </>
  );
}

function AddLabel({
  add,
  busy,
  autoFocus,
}: {
  add: (name: string) => Promise<unknown>;
  busy: boolean;
  autoFocus: boolean;
}) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  async function submit(event: FormEvent) {
    event.preventDefault();
    setProblem(null);
    try {
      await add(name.trim());
      setName("");
    } catch (error) {
      setProblem(errorText(error));
    }
  }
  return (
    <form onSubmit={(event) => void submit(event)}>
      <div className={styles.addLine}>
        <TextInput
          label="Add a structure"
          placeholder="Ligamentum flavum"
          value={name}
          maxLength={80}
          autoFocus={autoFocus}
          onChange={(event) => setName(event.currentTarget.value)}
          w={320}
        />
        <Button type="submit" leftSection={<IconPlus size={16} />} disabled={!name.trim()} loading={busy}>
          Add label
        </Button>
      </div>
      {problem && <Input.Error mt={8}>{problem}</Input.Error>}
    </form>
  );
}
