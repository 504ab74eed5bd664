import { ActionIcon, Menu } from "@mantine/core";
import { IconArrowBarToRight } from "@tabler/icons-react";
import type { Wanted } from "./carry/plan";
import { KeyHint } from "./keyNames";

const JUMPS: readonly [Wanted, string, string][] = [
  ["uncertain", "Next least certain", "Alt U"],
  ["untouched", "Next untouched", "Alt N"],
  ["returned", "Next returned", "Alt R"],
];

/** To the next frame of the clip that is of a kind, for those without a keyboard. */
export function JumpMenu({ onJump }: { onJump: (wanted: Wanted) => void }) {
  return (
    <Menu position="top-end" width={240}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label="Jump to a frame"
          title="Jump to a frame"
        >
          <IconArrowBarToRight size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {JUMPS.map(([wanted, words, keys]) => (
          <Menu.Item key={wanted} rightSection={<KeyHint>{keys}</KeyHint>} onClick={() => onJump(wanted)}>
            {words}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
