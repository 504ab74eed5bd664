import { SegmentedControl, Switch } from "@mantine/core";
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
        <p className={styles.hint}>
          Hold{" "}
          {hasDraft && (
            <>
              <KeyHint>D</KeyHint> to see the draft in its place
            </>
          )}
          {hasDraft && previous && ", "}
          {previous && (
            <>
              <KeyHint>Shift P</KeyHint> for r{previous.number}
            </>
          )}
          .
        </p>
      )}
    </section>
  );
}
