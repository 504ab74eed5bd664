import { ActionIcon, Button, Menu, Modal, TextInput } from "@mantine/core";
import { IconCheck, IconDots } from "@tabler/icons-react";
import { useState } from "react";
import type { Label } from "../../api/types";
import { useFocusBack } from "../../app/useFocusBack";
import { type Action, chordName, DEFAULT_KEYS, type EditorSession } from "../../editor";
import styles from "./Editor.module.css";
import { KeyHint } from "./keyNames";
import { convertLabel, copyFrom, STRUCTURE_ACTS } from "./structures";
import type { Amounts } from "./useRememberedView";
import { useEditorState } from "./useSession";

/** What can be done to a label as a whole on this frame; each is one undo step. */
export function StructureMenu({
  label,
  labels,
  session,
  disabled,
}: {
  label: Label;
  labels: readonly Label[];
  session: EditorSession;
  disabled: boolean;
}) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Menu position="left-start" width={300} withinPortal withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon
            className={styles.toggle}
            size={22}
            variant="transparent"
            color="gray"
            disabled={disabled}
            data-structure-menu={label.index}
            aria-label={`Change ${label.name} as a whole`}
            title="Fill holes, smooth, grow, copy, convert…"
          >
            <IconDots size={14} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{label.name}</Menu.Label>
          {STRUCTURE_ACTS.map(({ action, words, run }) => (
            <Menu.Item
              key={action}
              rightSection={<ActKey action={action} />}
              onClick={() => run(session, label.index)}
            >
              {words}
            </Menu.Item>
          ))}
          <Menu.Item onClick={() => setAsking(true)}>Copy from frame…</Menu.Item>
          {labels.length > 1 && (
            <Menu.Sub position="left-start">
              <Menu.Sub.Target>
                <Menu.Sub.Item>Convert to</Menu.Sub.Item>
              </Menu.Sub.Target>
              <Menu.Sub.Dropdown>
                {labels
                  .filter((other) => other.index !== label.index)
                  .map((other) => (
                    <Menu.Item
                      key={other.index}
                      leftSection={
                        <span
                          style={{
                            display: "block",
                            width: 12,
                            height: 12,
                            borderRadius: 3,
                            background: other.color,
                          }}
                        />
                      }
                      onClick={() => convertLabel(session, label.index, other.index)}
                    >
                      {other.name}
                    </Menu.Item>
                  ))}
              </Menu.Sub.Dropdown>
            </Menu.Sub>
          )}
          <Menu.Divider />
          {AMOUNTS.map(([name, words, choices]) => (
            <AmountItem key={name} session={session} name={name} words={words} choices={choices} />
          ))}
        </Menu.Dropdown>
      </Menu>
      {asking && <CopyFromFrame label={label} session={session} onClose={() => setAsking(false)} />}
    </>
  );
}

/** A label as it is on any frame of the clip, by the number the header shows. */
function CopyFromFrame({
  label,
  session,
  onClose,
}: {
  label: Label;
  session: EditorSession;
  onClose: () => void;
}) {
  useFocusBack();
  const [number, setNumber] = useState("");
  const copy = () => {
    onClose();
    copyFrom(session, label.index, session.at(Number(number) - 1), `This clip has no frame ${number}.`);
  };
  return (
    <Modal opened onClose={onClose} size="xs" title={`Copy ${label.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          copy();
        }}
      >
        <TextInput
          label="From frame"
          description="Its number in the clip, as above the picture"
          inputMode="numeric"
          pattern="[0-9]+"
          required
          withAsterisk={false}
          data-autofocus
          value={number}
          onChange={(event) => setNumber(event.currentTarget.value)}
        />
        <Button type="submit" mt={16} fullWidth>
          Copy
        </Button>
      </form>
    </Modal>
  );
}

function ActKey({ action }: { action: Action }) {
  const chord = Object.keys(DEFAULT_KEYS).find((key) => DEFAULT_KEYS[key].tap === action) ?? "";
  return <KeyHint>{chordName(chord)}</KeyHint>;
}

/** By how much, in pixels of the picture; for all labels, and for the keys as well. */
const AMOUNTS: readonly [keyof Amounts, string, readonly number[]][] = [
  ["islandBelow", "Islands are below", [10, 20, 40, 80, 160, 320, 640]],
  ["smoothBy", "Smooth by", [1, 2, 3, 4, 5, 6]],
  ["growBy", "Grow, shrink by", [1, 2, 3, 5, 8, 12]],
];

/** One of the amounts and what it may be; choosing leaves the menu open, for the act it is chosen for comes next. */
function AmountItem({ session, name, words, choices }: AmountItemProps) {
  const now = useEditorState(session).options[name];
  return (
    <Menu.Sub position="left-start">
      <Menu.Sub.Target>
        <Menu.Sub.Item>
          {words} {now} px
        </Menu.Sub.Item>
      </Menu.Sub.Target>
      <Menu.Sub.Dropdown>
        {[...new Set([...choices, now])]
          .sort((one, other) => one - other)
          .map((choice) => (
            <Menu.Item
              key={choice}
              closeMenuOnClick={false}
              leftSection={<IconCheck size={14} visibility={choice === now ? "visible" : "hidden"} />}
              onClick={() => session.editor.setOptions({ [name]: choice })}
            >
              {choice} px
            </Menu.Item>
          ))}
      </Menu.Sub.Dropdown>
    </Menu.Sub>
  );
}

interface AmountItemProps {
  session: EditorSession;
  name: keyof Amounts;
  words: string;
  choices: readonly number[];
}
