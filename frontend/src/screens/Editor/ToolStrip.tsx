import { NativeSelect, RangeSlider, Slider, Switch } from "@mantine/core";
import { IconBallpen, IconCircle, IconSquare } from "@tabler/icons-react";
import { memo, useEffect, useRef } from "react";
import {
  type EditorSession,
  type EditorState,
  MAX_BRUSH,
  MIN_BRUSH,
  type PaintOver,
  type ToolName,
} from "../../editor";
import { ClickOptions } from "./ClickOptions";
import { useKeyName } from "./keyNames";
import styles from "./ToolStrip.module.css";

const PAINTS: ReadonlySet<ToolName> = new Set<ToolName>(["brush", "eraser", "line"]);
const SHAPES: ReadonlySet<ToolName> = new Set<ToolName>(["polygon", "lasso", "scissors"]);
const NO_RULE: ReadonlySet<ToolName> = new Set<ToolName>(["measure", "pan"]);

/** Sizes of the brush feel even when the slider is logarithmic. */
const toSlider = (size: number) =>
  Math.round((100 * Math.log(size / MIN_BRUSH)) / Math.log(MAX_BRUSH / MIN_BRUSH));
const toSize = (at: number) => Math.round(MIN_BRUSH * (MAX_BRUSH / MIN_BRUSH) ** (at / 100));

/** How the tool in hand works. The picture stays where it is whatever stands here: a second row lies over its top. */
export const ToolStrip = memo(function ToolStrip({
  session,
  state,
  noClicks,
}: {
  session: EditorSession;
  state: EditorState;
  /** Why no model takes clicks; null where one does. */
  noClicks: string | null;
}) {
  const { tool } = state;
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const editor = strip.current?.parentElement;
    if (!strip.current || !editor) return;
    const { current } = strip;
    // What floats over the picture stands below the rows that lie over its top.
    const observer = new ResizeObserver(() =>
      editor.style.setProperty("--options", `${current.offsetHeight}px`),
    );
    observer.observe(current);
    return () => {
      observer.disconnect();
      editor.style.removeProperty("--options");
    };
  }, []);
  return (
    <div ref={strip} className={styles.strip} role="toolbar" aria-label="Options of the tool">
      {PAINTS.has(tool) && <BrushOptions session={session} state={state} />}
      {SHAPES.has(tool) && <ShapeOptions session={session} state={state} />}
      {tool === "fill" && <span>Fills what is connected and of one label</span>}
      {tool === "grow" && <GrowOptions session={session} state={state} />}
      {tool === "superpixel" && <RegionOptions session={session} state={state} />}
      {tool === "clicks" && noClicks === null && (
        <Choice
          name="What pointing says"
          value={state.options.pointing}
          choices={{ here: "Here", line: "Line", not: "Not here" }}
          onChange={(pointing) => session.editor.setOptions({ pointing })}
        />
      )}
      {tool === "clicks" && <ClickOptions session={session} state={state} why={noClicks} />}
      {tool === "move" && <MoveOptions session={session} state={state} />}
      {tool === "measure" && (
        <span>
          {state.millimetresPerPixel === null
            ? "The clip is not calibrated: lengths in pixels"
            : `${state.millimetresPerPixel.toFixed(3)} mm per pixel`}
          {" · Shift keeps to 45°"}
        </span>
      )}
      {tool === "pan" && <span>Drag the picture; with any tool, hold Space</span>}
      {!NO_RULE.has(tool) && <PaintOverSelect session={session} state={state} />}
    </div>
  );
});

interface Part {
  session: EditorSession;
  state: EditorState;
}

const SHAPE_ICONS = {
  round: <IconCircle size={14} stroke={1.8} />,
  square: <IconSquare size={14} stroke={1.8} />,
};

function BrushOptions({ session, state }: Part) {
  const { editor } = session;
  const { options, brushSize, millimetresPerPixel, tool } = state;
  const inMillimetres = options.sizeUnit === "mm" && millimetresPerPixel !== null;
  const size = inMillimetres ? `${(brushSize * millimetresPerPixel).toFixed(1)} mm` : `${brushSize} px`;
  return (
    <>
      <Choice
        name="Shape of the brush"
        keys="Q"
        value={options.brushShape}
        choices={{ round: "Round", square: "Square" }}
        icons={SHAPE_ICONS}
        onChange={(brushShape) => editor.setOptions({ brushShape })}
      />
      <Amount
        name="Size"
        shown={size}
        title={inMillimetres ? "Brush size in millimetres" : "Brush size in pixels of the picture"}
        keys="[ / ]"
      >
        <Slider
          w={72}
          size="xs"
          value={toSlider(brushSize)}
          onChange={(at) => editor.setBrushSize(toSize(at))}
          label={null}
          thumbLabel="Brush size"
        />
      </Amount>
      {millimetresPerPixel !== null && (
        <Choice
          name="The size stays the same in"
          value={options.sizeUnit}
          choices={{ px: "px", mm: "mm" }}
          onChange={(sizeUnit) => editor.setOptions({ sizeUnit })}
        />
      )}
      <Choice
        name="Paint only some greys"
        keys="T"
        value={options.threshold}
        choices={{ off: "All greys", press: "Near press", range: "Range" }}
        onChange={(threshold) => editor.setOptions({ threshold })}
      />
      {options.threshold === "press" && (
        <Amount name="±" shown={String(options.around)}>
          <Slider
            w={72}
            size="xs"
            min={1}
            max={80}
            value={options.around}
            onChange={(around) => editor.setOptions({ around })}
            label={null}
            thumbLabel="Greys around the press"
          />
        </Amount>
      )}
      {options.threshold === "range" && (
        <Amount name="Greys" shown={`${options.low}–${options.high}`}>
          <RangeSlider
            w={96}
            size="xs"
            min={0}
            max={255}
            minRange={1}
            value={[options.low, options.high]}
            onChange={([low, high]) => editor.setOptions({ low, high })}
            label={null}
            thumbFromLabel="Darkest grey"
            thumbToLabel="Brightest grey"
          />
        </Amount>
      )}
      {tool !== "line" && (
        <div className={styles.choice}>
          <button
            type="button"
            aria-pressed={options.pressureSize}
            aria-label="Pressure"
            title="Pressure: a pen held lightly paints thin"
            onClick={() => editor.setOptions({ pressureSize: !options.pressureSize })}
          >
            <IconBallpen size={15} stroke={1.8} />
          </button>
        </div>
      )}
    </>
  );
}

function ShapeOptions({ session, state }: Part) {
  return (
    <>
      <Choice
        name="What the shape does"
        keys="A"
        value={state.options.shapeMode}
        choices={{ add: "Add", subtract: "Subtract", replace: "Replace" }}
        onChange={(shapeMode) => session.editor.setOptions({ shapeMode })}
      />
      <span className={styles.hint}>
        {state.tool === "scissors"
          ? "Alt subtracts, Ctrl goes straight"
          : "Shift adds, Alt subtracts, both replace"}
      </span>
    </>
  );
}

function GrowOptions({ session, state }: Part) {
  const { tolerance, reach } = state.options;
  return (
    <>
      <Amount name="Tolerance" shown={String(tolerance)}>
        <Slider
          w={112}
          size="xs"
          min={0}
          max={120}
          value={tolerance}
          onChange={(value) => session.editor.setOptions({ tolerance: value })}
          label={null}
          thumbLabel="Tolerance"
        />
      </Amount>
      <Amount name="Within" shown={`${reach} px`}>
        <Slider
          w={80}
          size="xs"
          min={20}
          max={400}
          step={10}
          value={reach}
          onChange={(value) => session.editor.setOptions({ reach: value })}
          label={null}
          thumbLabel="Never farther than"
        />
      </Amount>
      <span className={styles.hint}>Drag right for more, left for less</span>
    </>
  );
}

function RegionOptions({ session, state }: Part) {
  const { regionSize } = state.options;
  return (
    <>
      <Amount name="Patch size" shown={`${regionSize} px`}>
        <Slider
          w={112}
          size="xs"
          min={6}
          max={60}
          step={2}
          value={regionSize}
          onChange={(value) => session.editor.setOptions({ regionSize: value })}
          label={null}
          thumbLabel="Patch size"
        />
      </Amount>
      <span className={styles.hint}>Drag over patches; Alt takes them away</span>
    </>
  );
}

function MoveOptions({ session, state }: Part) {
  return (
    <>
      <Toggle
        name="All pieces of the label"
        checked={state.options.moveWhole}
        onChange={(moveWhole) => session.editor.setOptions({ moveWhole })}
      />
      <span className={styles.hint}>Drag it, or a corner; Shift keeps its proportions</span>
    </>
  );
}

const RULES: Readonly<Record<string, PaintOver>> = { all: "all", background: "background" };

function PaintOverSelect({ session, state }: Part) {
  const { editor } = session;
  const key = useKeyName("Shift O");
  return (
    <div className={styles.rule}>
      <NativeSelect
        aria-label="Paint over"
        size="xs"
        w={180}
        value={String(state.paintOver)}
        title={`Locked and hidden labels are never painted over (${key})`}
        onChange={({ currentTarget }) => {
          editor.setPaintOver(RULES[currentTarget.value] ?? Number(currentTarget.value));
          currentTarget.blur(); // keys are for the picture again
        }}
      >
        <option value="all">Over everything</option>
        <option value="background">Over background only</option>
        {state.labels.map((label) => (
          <option key={label.index} value={label.index}>
            Over {label.name} only
          </option>
        ))}
      </NativeSelect>
    </div>
  );
}

/** Buttons of which one is on. */
function Choice<Value extends string>({
  name,
  keys,
  value,
  choices,
  icons,
  onChange,
}: {
  name: string;
  keys?: string;
  value: Value;
  choices: Readonly<Record<Value, string>>;
  /** In place of the words, which are then told by a tooltip. */
  icons?: Readonly<Record<Value, React.ReactNode>>;
  onChange: (value: Value) => void;
}) {
  const key = useKeyName(keys ?? "");
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring its own look
    <div className={styles.choice} role="group" aria-label={name} title={keys ? `${name} (${key})` : name}>
      {(Object.keys(choices) as Value[]).map((choice) => (
        <button
          key={choice}
          type="button"
          aria-pressed={choice === value}
          aria-label={choices[choice]}
          title={icons && `${choices[choice]} (${key})`}
          onClick={() => onChange(choice)}
        >
          {icons?.[choice] ?? choices[choice]}
        </button>
      ))}
    </div>
  );
}

function Amount({
  name,
  shown,
  title,
  keys,
  children,
}: {
  name: string;
  shown: string;
  title?: string;
  keys?: string;
  children: React.ReactNode;
}) {
  const key = useKeyName(keys ?? "");
  return (
    <div className={styles.part} title={key ? `${name} (${key})` : name}>
      {name}
      {children}
      <output title={title}>{shown}</output>
    </div>
  );
}

function Toggle({
  name,
  checked,
  onChange,
}: {
  name: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <Switch
      size="xs"
      label={name}
      title={name}
      checked={checked}
      onChange={({ currentTarget }) => onChange(currentTarget.checked)}
    />
  );
}
