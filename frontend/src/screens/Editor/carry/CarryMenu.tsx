import { ActionIcon, Button, NumberInput, Popover, SegmentedControl } from "@mantine/core";
import { IconArrowsHorizontal } from "@tabler/icons-react";
import { useState } from "react";
import styles from "../Editor.module.css";
import { Keyed } from "../Header";
import type { Way } from "./proposals";
import type { Carry, Direction } from "./useCarry";

const WORDS: Record<Way, string> = {
  follow:
    "Follows the motion of the picture from this frame's saved mask, and stops where it is no longer sure.",
  between: "Fills the frames between this one and the nearest frames somebody drew on.",
  copy: "Offers this frame's mask, as it is, to the selected frames on either side, up to the first somebody drew on.",
};

/** How masks get from this frame to others. */
export function CarryMenu({
  carry,
  opened,
  onChange,
}: {
  carry: Carry;
  opened: boolean;
  onChange: (opened: boolean) => void;
}) {
  const [way, setWay] = useState<Way>("follow");
  const [direction, setDirection] = useState<Direction>("both");
  const [count, setCount] = useState<number | string>(30);
  return (
    // The button itself says what it opens: on the span around it, where the popover would say so, nothing may.
    <Popover
      opened={opened}
      onChange={onChange}
      position="top-end"
      trapFocus
      returnFocus
      shadow="md"
      width={360}
      withRoles={false}
    >
      <Popover.Target>
        <span>
          <Keyed keys="K" label="Carry masks over to other frames">
            <ActionIcon
              variant="subtle"
              color="gray"
              size={36}
              aria-label="Carry masks over"
              aria-haspopup="dialog"
              aria-expanded={opened}
              loading={carry.job !== null}
              onClick={() => onChange(!opened)}
            >
              <IconArrowsHorizontal size={18} />
            </ActionIcon>
          </Keyed>
        </span>
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label="Carry masks over">
        <form
          className={styles.carryForm}
          onSubmit={(event) => {
            event.preventDefault();
            onChange(false);
            void carry.start(way, direction, Number(count) || 30);
          }}
        >
          <SegmentedControl
            size="xs"
            fullWidth
            aria-label="How"
            value={way}
            onChange={(value) => setWay(value as Way)}
            data={[
              { value: "follow", label: "Follow motion" },
              { value: "between", label: "Fill between" },
              { value: "copy", label: "Copy" },
            ]}
          />
          <p className={styles.hint}>{WORDS[way]}</p>
          {way !== "between" && (
            <div className={styles.carryRow}>
              <SegmentedControl
                size="xs"
                aria-label="Direction"
                value={direction}
                onChange={(value) => setDirection(value as Direction)}
                data={[
                  { value: "backward", label: "Backward" },
                  { value: "both", label: "Both" },
                  { value: "forward", label: "Forward" },
                ]}
              />
              <NumberInput
                size="xs"
                aria-label="Frames"
                rightSection="frames"
                rightSectionWidth={64}
                hideControls
                min={1}
                max={30}
                clampBehavior="strict"
                allowDecimal={false}
                value={count}
                onChange={setCount}
              />
            </div>
          )}
          <Button type="submit" size="xs" loading={carry.busy} data-autofocus>
            Carry over
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
