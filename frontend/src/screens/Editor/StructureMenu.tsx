import { ActionIcon, Button, Menu } from "@mantine/core";
import { IconCheck, IconDots } from "@tabler/icons-react";
import { useState } from "react";
import type { Label } from "../../api/types";
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
  const [opened, setOpened] = useState(false);
  return (
    <Menu
      opened={opened}
      onChange={setOpened}
      position="left-start"
      width={300}
      withinPortal
      withInitialFocusPlaceholder={false}
    >
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
        <CopyFromFrame session={session} label={label.index} onDone={() => setOpened(false)} />
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
  );
}

/** A label as it is on any frame of the clip, by the number the header shows. */
function CopyFromFrame({
  session,
  label,
  onDone,
}: {
  session: EditorSession;
  label: number;
  onDone: () => void;
}) {
  const [number, setNumber] = useState("");
  return (
    <form
      className={styles.copyFrom}
      // Typed here, keys neither walk the menu nor change the picture.
      onKeyDown={(event) => event.key !== "Escape" && event.stopPropagation()}
      onSubmit={(event) => {
        event.preventDefault();
        copyFrom(session, label, session.at(Number(number) - 1), `This clip has no frame ${number}.`);
        onDone();
      }}
    >
      <label htmlFor={`copy-from-${label}`}>Copy from frame</label>
      <input
        id={`copy-from-${label}`}
        inputMode="numeric"
        pattern="[0-9]+"
        required
        placeholder="no."
        value={number}
        onChange={(event) => setNumber(event.currentTarget.value)}
      />
      <Button type="submit" size="compact-xs" variant="default">
        Copy
      </Button>
    </form>
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
