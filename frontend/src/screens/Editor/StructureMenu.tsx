import { ActionIcon, Menu, NumberInput } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import type { Label } from "../../api/types";
import { type Action, chordName, DEFAULT_KEYS, type EditorSession } from "../../editor";
import styles from "./Editor.module.css";
import { KeyHint } from "./keyNames";
import { convertLabel, STRUCTURE_ACTS } from "./structures";
import { AMOUNT_RANGE, type Amounts } from "./useRememberedView";
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
  return (
    <Menu position="left-start" width={260} withinPortal>
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
        <AmountFields session={session} />
      </Menu.Dropdown>
    </Menu>
  );
}

function ActKey({ action }: { action: Action }) {
  const chord = Object.keys(DEFAULT_KEYS).find((key) => DEFAULT_KEYS[key].tap === action) ?? "";
  return <KeyHint>{chordName(chord)}</KeyHint>;
}

const AMOUNTS: readonly [keyof Amounts, string][] = [
  ["islandBelow", "Islands are below"],
  ["smoothBy", "Smooth by"],
  ["growBy", "Grow, shrink by"],
];

/** By how much, in pixels of the picture; for all labels, and for the keys as well. */
function AmountFields({ session }: { session: EditorSession }) {
  const { options } = useEditorState(session);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the menu would take the arrows for its own items
    <div
      className={styles.amounts}
      onKeyDown={(event) => event.key !== "Escape" && event.key !== "Tab" && event.stopPropagation()}
    >
      {AMOUNTS.map(([name, words]) => {
        const [least, most] = AMOUNT_RANGE[name];
        return (
          <NumberInput
            key={name}
            className={styles.amount}
            size="xs"
            label={words}
            suffix=" px"
            min={least}
            max={most}
            allowDecimal={false}
            allowNegative={false}
            value={options[name]}
            onChange={(value) => {
              // A field on its way to a number, or beyond its range, changes nothing yet.
              if (typeof value === "number" && value >= least && value <= most)
                session.editor.setOptions({ [name]: value });
            }}
          />
        );
      })}
    </div>
  );
}
