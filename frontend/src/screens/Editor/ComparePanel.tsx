import { Button, SegmentedControl, Switch } from "@mantine/core";
import { DIFFERENCE } from "../../editor";
import styles from "./Editor.module.css";
import { KeyHint, useKeyName } from "./keyNames";
import type { Against, Layers } from "./useLayers";

/** What the mask is seen beside: its neighbours, the draft it grew from, the version before. */
export function ComparePanel({ layers }: { layers: Layers }) {
  const { hasDraft, previous, against } = layers;
  const changesKey = useKeyName("Shift D");
  const choices = [
    { value: "nothing", label: "Off" },
    { value: "draft", label: "Draft", disabled: !hasDraft },
    { value: "previous", label: previous ? `r${previous.number}` : "Before", disabled: !previous },
  ];
  return (
    <section data-testid="compare">
      <h2>Compare</h2>
      <Switch
        size="xs"
        checked={layers.neighbours}
        onChange={(event) => layers.setNeighbours(event.currentTarget.checked)}
        label={
          <>
            Neighbours <KeyHint>N</KeyHint>
          </>
        }
      />
      <Switch
        size="xs"
        checked={layers.ghost}
        disabled={!hasDraft}
        onChange={(event) => layers.setGhost(event.currentTarget.checked)}
        label={
          <>
            Draft under <KeyHint>D</KeyHint>
          </>
        }
      />
      <Switch
        size="xs"
        checked={layers.uncertainty}
        disabled={!hasDraft}
        onChange={(event) => layers.setUncertainty(event.currentTarget.checked)}
        label={
          <>
            Uncertainty <KeyHint>U</KeyHint>
          </>
        }
      />
      {layers.uncertainty && layers.confidence.missing && (
        <p className={styles.hint}>{layers.confidence.missing}</p>
      )}
      <div className={styles.choice} title={`Changes (${changesKey})`}>
        <span>Changes</span>
        <SegmentedControl
          size="xs"
          fullWidth
          aria-label="Show changes against"
          value={against}
          onChange={(value) => layers.setAgainst(value as Against)}
          data={choices}
        />
      </div>
      {against !== "nothing" && (
        <p className={styles.legend}>
          <i style={{ background: DIFFERENCE.won }} /> added <i style={{ background: DIFFERENCE.lost }} />
          removed <i style={{ background: DIFFERENCE.other }} /> relabelled
        </p>
      )}
      {(hasDraft || previous) && (
        <div className={styles.choice}>
          <span>Hold to see</span>
          <div className={styles.holds}>
            {hasDraft && <HoldButton words="Draft" keys="D" onHold={layers.holds["draft.flip"]} />}
            {previous && (
              <HoldButton
                words={`r${previous.number}`}
                keys="Shift P"
                onHold={layers.holds["previous.flip"]}
              />
            )}
          </div>
        </div>
      )}
    </section>
  );
}

/** For as long as it is pressed, by a finger as by its key. */
function HoldButton({
  words,
  keys,
  onHold,
}: {
  words: string;
  keys: string;
  onHold?: (held: boolean) => void;
}) {
  const release = () => onHold?.(false);
  return (
    <Button
      size="compact-xs"
      variant="default"
      rightSection={<KeyHint>{keys}</KeyHint>}
      className={styles.hold}
      title={`See ${words} in the mask’s place`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        onHold?.(true);
      }}
      onPointerUp={release}
      onLostPointerCapture={release}
      onContextMenu={(event) => event.preventDefault()}
      onKeyDown={(event) => event.key === " " && onHold?.(true)}
      onKeyUp={(event) => event.key === " " && release()}
      onBlur={release}
    >
      {words}
    </Button>
  );
}
