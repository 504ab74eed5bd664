import { Button, Slider, Switch } from "@mantine/core";
import { memo } from "react";
import {
  DISPLAY_RANGE,
  type Display,
  type EditorSession,
  type EditorState,
  isPlain,
  PLAIN,
} from "../../editor";
import styles from "./Editor.module.css";
import { KeyHint, useKeyName } from "./keyNames";

const percent = (share: number) => `${Math.round(share * 100)} %`;
const factor = (value: number) => value.toFixed(2);
const grey = (value: number) => String(Math.round(value));

const PICTURE: readonly {
  name: keyof typeof DISPLAY_RANGE;
  label: string;
  step: number;
  shown: (value: number) => string;
}[] = [
  { name: "window", label: "Window", step: 1, shown: grey },
  { name: "level", label: "Level", step: 1, shown: grey },
  { name: "brightness", label: "Brightness", step: 0.05, shown: factor },
  { name: "contrast", label: "Contrast", step: 0.05, shown: factor },
  { name: "gamma", label: "Gamma", step: 0.05, shown: factor },
  { name: "localContrast", label: "Detail", step: 0.05, shown: percent },
];

interface ViewPanelProps {
  session: EditorSession;
  state: EditorState;
}

const READ = ["opacity", "strengths", "outlinesOnly", "display", "label", "labels"] as const;

/** Nine sliders and switches: a stroke or another frame must not render them anew. */
const isSame = (was: ViewPanelProps, is: ViewPanelProps) =>
  was.session === is.session && READ.every((name) => was.state[name] === is.state[name]);

/** How masks and picture are shown. Nothing here changes a stored pixel. */
export const ViewPanel = memo(function ViewPanel({ session, state }: ViewPanelProps) {
  const { editor } = session;
  const { display } = state;
  const current = state.labels.find((label) => label.index === state.label);
  return (
    <>
      <section>
        <h2>Masks</h2>
        <Range
          name="Opacity"
          keys="Alt ↑ / Alt ↓"
          value={state.opacity}
          max={1}
          shown={percent(state.opacity)}
          onChange={(value) => editor.setOpacity(value)}
        />
        {current && (
          <Range
            name="This label"
            title={`How strongly ${current.name} is drawn`}
            value={state.strengths.get(current.index) ?? 1}
            max={1}
            shown={percent(state.strengths.get(current.index) ?? 1)}
            onChange={(value) => editor.setStrength(current.index, value)}
          />
        )}
        <Switch
          size="xs"
          checked={state.outlinesOnly}
          onChange={(event) => editor.setOutlinesOnly(event.currentTarget.checked)}
          label={
            <>
              Outlines only <KeyHint>O</KeyHint>
            </>
          }
        />
        <p className={styles.hint}>
          Hold <KeyHint>H</KeyHint> to see the picture alone.
        </p>
      </section>

      <section data-testid="picture-controls">
        <div className={styles.sideHead}>
          <h2>Picture</h2>
          {!isPlain(display) && (
            <Button size="compact-xs" variant="subtle" color="gray" onClick={() => editor.setDisplay(PLAIN)}>
              Reset
            </Button>
          )}
        </div>
        {PICTURE.map(({ name, label, step, shown }) => (
          <Range
            key={name}
            name={label}
            value={display[name]}
            min={DISPLAY_RANGE[name][0]}
            max={DISPLAY_RANGE[name][1]}
            step={step}
            shown={shown(display[name])}
            onChange={(value) => editor.setDisplay({ [name]: value } as Partial<Display>)}
          />
        ))}
        <Switch
          size="xs"
          checked={display.invert}
          onChange={(event) => editor.setDisplay({ invert: event.currentTarget.checked })}
          label="Invert"
        />
        <p className={styles.hint}>Drag with the right button: window across, level up and down.</p>
      </section>
    </>
  );
}, isSame);

function Range({
  name,
  title,
  keys = "",
  value,
  min = 0,
  max,
  step = 0.05,
  shown,
  onChange,
}: {
  name: string;
  title?: string;
  keys?: string;
  value: number;
  min?: number;
  max: number;
  step?: number;
  shown: string;
  onChange: (value: number) => void;
}) {
  const key = useKeyName(keys);
  return (
    <div className={styles.range} title={key ? `${title ?? name} (${key})` : title}>
      <span>{name}</span>
      <Slider
        size="xs"
        min={min}
        max={max}
        step={step}
        value={value}
        onChange={onChange}
        label={null}
        thumbLabel={name}
      />
      <span>{shown}</span>
    </div>
  );
}
