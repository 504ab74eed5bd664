import { Button, Modal, SegmentedControl, TextInput } from "@mantine/core";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Label } from "../../api/types";
import { useFocusBack } from "../../app/useFocusBack";
import {
  chordFor,
  chordName,
  chordOf,
  type FingerDraws,
  holderOf,
  type KeyMap,
  moveKey,
  WALL_KEYS,
} from "../../editor";
import styles from "./Editor.module.css";
import { changesOf, type Hand, type Hands } from "./hands";
import { useKeyCaps } from "./keyNames";
import { browserUse, GESTURES, type KeyGroup, type KeyRow, keyRows, PAGE_KEYS, wallRows } from "./keyWords";

const GROUPS: readonly KeyGroup[] = ["Draw", "Shape", "See", "Go", "Review", "Review wall"];
const WALL_FIRST: readonly KeyGroup[] = ["Review wall", ...GROUPS.slice(0, -1)];
const FINGERS: { value: FingerDraws; label: string }[] = [
  { value: "auto", label: "Until a pen is used" },
  { value: "always", label: "Always" },
  { value: "never", label: "Never" },
];
const MODIFIERS = /^(Control|Shift|Alt|AltGraph|Meta|CapsLock)$/;

/** Every key with what it does; press one to give it another. */
export function KeysDialog({
  base,
  labels,
  hands,
  setHands,
  isKept,
  onWall,
  onClose,
}: {
  /** Of the editor in this project. */
  base: KeyMap;
  labels: readonly Pick<Label, "name">[];
  hands: Hands;
  setHands: (hands: Hands) => void;
  /** False: this browser keeps no settings. */
  isKept: boolean;
  /** Opened there: its keys come first. */
  onWall?: boolean;
  onClose: () => void;
}) {
  const [sought, setSought] = useState("");
  /** The row that waits for its key, and the chord pressed for it where another row has that. */
  const [recording, setRecording] = useState<{ row: KeyRow; wanted: string | null } | null>(null);
  const [told, setTold] = useState("");
  /** What "Reset all" took away. */
  const [taken, setTaken] = useState<Pick<Hands, "keys" | "wall"> | null>(null);
  /** Of the row that was pressed last, and "Reset all": where the focus goes from a button that goes. */
  const cap = useRef<HTMLButtonElement | null>(null);
  const reset = useRef<HTMLButtonElement>(null);
  const caps = useKeyCaps();
  const named = (chord: string | null) => (chord === null ? "none" : chordName(chord, caps));
  const rows = useMemo(() => [...keyRows(base, labels), ...wallRows()], [base, labels]);
  const baseOf = (row: KeyRow) => (row.map === "wall" ? WALL_KEYS : base);
  const changes = useMemo(
    () => ({ keys: changesOf(hands, "keys"), wall: changesOf(hands, "wall") }),
    [hands],
  );
  const placed = useMemo(
    () =>
      rows.map((row) => ({
        row,
        chord: chordFor(row.map === "wall" ? WALL_KEYS : base, changes[row.map], row.from),
      })),
    [base, rows, changes],
  );
  const wanted = sought.trim().toLowerCase();
  const found = placed.filter(({ row, chord }) =>
    `${row.words} ${chord ? chordName(chord) : ""}`.toLowerCase().includes(wanted),
  );
  // A label beyond ten has none before it is given one.
  const keyless = placed.filter(({ row, chord }) => chord === null && !row.from.startsWith("label."));

  const given = (row: KeyRow, chord: string): Hands => ({
    ...hands,
    [row.map]: { ...hands[row.map], ...moveKey(baseOf(row), changes[row.map], row.from, chord) },
  });
  const give = (row: KeyRow, chord: string) => {
    setHands(given(row, chord));
    setTold(`${row.words} is on ${named(chord)} now.`);
    setRecording(null);
    cap.current?.focus();
  };
  const holderFor = (row: KeyRow, chord: string) => holderOf(baseOf(row), changes[row.map], chord);
  /** Where the one that has the chord would be. */
  const placeOf = (holder: string, row: KeyRow, chord: string) => {
    const left = chordFor(baseOf(row), changesOf(given(row, chord), row.map), holder);
    return left === null ? "have no key" : `be on ${named(left)}`;
  };
  const hear = useRef<(event: KeyboardEvent) => void>(() => undefined);
  hear.current = (event) => {
    if (!recording || MODIFIERS.test(event.key)) return;
    const chord = chordOf(event);
    // The question about a taken key is answered with buttons; Escape leaves it as it does the recording.
    if (recording.wanted && chord !== "escape") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.repeat) return;
    const holder = holderFor(recording.row, chord);
    const use = browserUse(chord, recording.row.map);
    if (chord === "escape") {
      setTold("");
      setRecording(null);
      cap.current?.focus();
    } else if (use) setTold(`${named(chord)} is for the browser: it ${use}. Press another key.`);
    else if (recording.row.map === "wall" && PAGE_KEYS.has(chord))
      setTold(`${named(chord)} leads to another page from the wall. Press another key.`);
    else if (holder !== null && holder !== recording.row.from) setRecording({ ...recording, wanted: chord });
    else give(recording.row, chord);
  };
  useEffect(() => {
    // Before the dialog, which would close on Escape and walk on Tab.
    const onKeyDown = (event: KeyboardEvent) => hear.current(event);
    window.addEventListener("keydown", onKeyDown, true);
    return () => window.removeEventListener("keydown", onKeyDown, true);
  }, []);
  useFocusBack();
  const holder = recording?.wanted ? holderFor(recording.row, recording.wanted) : null;
  return (
    <Modal
      opened
      onClose={onClose}
      closeOnEscape={recording === null}
      centered={false}
      title="Keys"
      size={1080}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <div className={styles.keyTools}>
        <TextInput
          size="xs"
          data-autofocus
          aria-label="Search keys"
          placeholder="Search: a word or a key"
          value={sought}
          onChange={(event) => setSought(event.currentTarget.value)}
        />
        <SegmentedControl
          size="xs"
          aria-label="Hand that draws"
          data={[
            { value: "right", label: "Right-handed" },
            { value: "left", label: "Left-handed" },
          ]}
          value={hands.hand}
          onChange={(hand) => setHands({ ...hands, hand: hand as Hand })}
        />
        <Button
          ref={reset}
          size="xs"
          variant="subtle"
          color="gray"
          onClick={() => {
            if (Object.keys({ ...hands.keys, ...hands.wall }).length > 0) setTaken(hands);
            setHands({ ...hands, keys: {}, wall: {} });
            setTold("All keys are as they came.");
          }}
        >
          Reset all
        </Button>
      </div>
      <p className="quiet small" role="status">
        {told || "Press a key’s name to give it another key. Kept for you on this device."}
        {keyless.length > 0 && ` Without a key: ${keyless.map(({ row }) => row.words).join(", ")}.`}
        {!isKept && " This browser keeps no settings: they last until you close this window."}
        {taken && (
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={() => {
              setHands({ ...hands, keys: taken.keys, wall: taken.wall });
              setTaken(null);
              setTold("Your keys are back.");
              reset.current?.focus();
            }}
          >
            Undo
          </Button>
        )}
      </p>
      {recording?.wanted && holder !== null && (
        <div className={styles.keyTaken} role="alert">
          <span>
            {named(recording.wanted)} is “
            {rows.find(({ map, from }) => map === recording.row.map && from === holder)?.words}” now, which
            would {placeOf(holder, recording.row, recording.wanted)}.
          </span>
          <Button size="compact-xs" autoFocus onClick={() => give(recording.row, recording.wanted as string)}>
            Take it
          </Button>
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            onClick={() => {
              setRecording({ row: recording.row, wanted: null });
              cap.current?.focus();
            }}
          >
            Another key
          </Button>
        </div>
      )}
      <div className={styles.help}>
        {(onWall ? WALL_FIRST : GROUPS).map((group) => {
          const inGroup = found.filter(({ row }) => row.group === group);
          if (inGroup.length === 0) return null;
          return (
            <section key={group}>
              <h2>{group}</h2>
              <ul>
                {inGroup.map(({ row, chord }) => {
                  const isHeard =
                    recording?.row.map === row.map && recording.row.from === row.from && !recording.wanted;
                  return (
                    <li key={row.from}>
                      <button
                        type="button"
                        className={styles.keyCap}
                        data-heard={isHeard || undefined}
                        aria-label={
                          isHeard
                            ? `Press the new key for ${row.words}`
                            : `${row.words}: ${named(chord)}. Change`
                        }
                        onClick={({ currentTarget }) => {
                          cap.current = currentTarget;
                          setTold(`Press the new key for “${row.words}”; Esc leaves it.`);
                          setRecording({ row, wanted: null });
                        }}
                      >
                        {isHeard ? "press…" : named(chord)}
                      </button>
                      <span>{row.words}</span>
                    </li>
                  );
                })}
              </ul>
            </section>
          );
        })}
        {found.length === 0 && <p className="quiet">No key does “{sought}”.</p>}
        {sought === "" && (
          <section>
            <h2>Pointer, pen and fingers</h2>
            <dl>
              {GESTURES.map(([gesture, meaning]) => (
                <div key={gesture}>
                  <dt>{gesture}</dt>
                  <dd>{meaning}</dd>
                </div>
              ))}
            </dl>
            <p className="small">One finger draws</p>
            <SegmentedControl
              size="xs"
              aria-label="One finger draws"
              data={FINGERS}
              value={hands.finger}
              onChange={(finger) => setHands({ ...hands, finger: finger as FingerDraws })}
            />
          </section>
        )}
      </div>
    </Modal>
  );
}
