/**
 * The editor engine: label maps painted on frames of a clip. Framework-free; the screen around it
 * gives it a place to draw, the way to the server (ports), and shows its state.
 *
 *     const journal = await Journal.open(me.id);               // once per signed-in person
 *     const session = new EditorSession({ labels, frames, saves, journal });
 *     session.setFrames(clipFrames);                           // [{id, selected}] in order of time
 *     const renderer = new Renderer(element, session.editor);  // element: position relative, with a size
 *     const stopPointer = attachPointer(element, session.editor, () => keyboard.pointerUsed());
 *     const keyboard = new Keyboard((action, phase) => …);     // `runEditorAction` knows the engine's own
 *     const stopKeys = attachKeyboard(keyboard);
 *     await session.open(frameId);
 *
 *     const state = useSyncExternalStore(session.editor.subscribe, session.editor.getState);
 *     session.autosave.on("state", ({ frameId, state }) => …); // words for it: describe(state)
 *
 * What may lie over a frame beside its mask; each is null where it is not shown, label maps must have the
 * picture's size, and all of them go when another frame is opened (set them again on the session's "opened"):
 *
 *     renderer.setOnion({ previous: map, next: map });    // outlines of the neighbours: past cold, future warm
 *     renderer.setGhost(draft);                           // dashed outline of the draft under the correction
 *     renderer.setDifference(from, to);                   // lost, won, other label: colours in DIFFERENCE
 *     renderer.setProposal(map);                          // stripes where it would change the present mask
 *     renderer.setInstead(map);                           // another version in the mask's place, while held
 *     renderer.setHeat({ width, height, data });          // Uint8Array 0-255 or Float32Array 0-1, any resolution
 *     renderer.clearLayers();
 *
 * With a difference or a proposal the mask itself is drawn as outlines only. Pictures are shown as
 * `editor.setDisplay({ window, level, gamma, … })` says; `attachWindowLevel` sets window and level by dragging with
 * the right button; `editor.setStrength(label, 0-1)` and `editor.setHighlighted(label)` are for the label list.
 *
 * Leaving: stopKeys(), stopPointer(), renderer.dispose(), session.dispose(). Before submitting:
 * `await session.autosave.saveNow(id)` and go on only when its kind is "saved". Signing out:
 * `journal.wipe()`. On the window's "online" event: `session.autosave.online()`; after signing in
 * again in place: `session.autosave.signedIn()`.
 */

export { runEditorAction } from "./actions";
export { afterPaint } from "./afterPaint";
export type { AssistAnswer, AssistPort, AssistRequest, AssistState, Hint } from "./assist";
export { Autosave, type AutosaveEvents } from "./autosave";
export type { Box } from "./box";
export { type ConfidenceMap, doubt, withoutUnsure } from "./confidence";
export { DISPLAY_RANGE, type Display, isPlain, PLAIN } from "./display";
export { MaskDocument } from "./document";
export { Editor, MAX_BRUSH, MIN_BRUSH } from "./editor";
export type { EditorEvents, EditorState, OpenFrame, PaintOver, Picture } from "./editorState";
export { FrameCache } from "./frameCache";
export { interpolate } from "./interpolating";
export { Journal, type JournalEntry, NoJournal, type PendingWork, type WorkJournal } from "./journal";
export {
  type Action,
  type ActionPhase,
  attachKeyboard,
  type Binding,
  chordOf,
  DEFAULT_KEYS,
  Keyboard,
  type KeyMap,
  WALL_KEYS,
} from "./keyboard";
export {
  actionsOf,
  chordFor,
  chordName,
  holderOf,
  type KeyChanges,
  LEFT_HANDED,
  LEFT_HANDED_UNDO,
  LEFT_HANDED_WALL,
  moveKey,
  personalKeys,
} from "./keymap";
export { BACKGROUND, Labelmap, NOT_ANNOTATED } from "./labelmap";
export { DIFFERENCE, type HeatMap, type Onion } from "./layers";
export { difference, type Merge, merge, type Overlap, resolve, type Side } from "./merge";
export type { Operation } from "./operations";
export { paintOverlay } from "./overlay";
export { type ColorTables, colorTables, LABEL_COLORS, type LabelStyle, type MaskStyle } from "./palette";
export { type ClipFrame, type FrameSource, Player, type PlayerEvents, type PlayerPhase } from "./player";
export { PngWorker } from "./pngWorker";
export { attachPointer, type FingerDraws, type PointerOptions } from "./pointer";
export { Renderer } from "./renderer";
export { toRuns } from "./runs";
export {
  describe,
  type Effort,
  type SaveAnswer,
  type SaveMeta,
  type SavePort,
  type SaveRequest,
  type SaveState,
} from "./saving";
export {
  type Conflict,
  EditorSession,
  type FramePort,
  type FrameRef,
  type LoadedFrame,
  type RecoveredWork,
  type SessionEvents,
  type SessionOptions,
} from "./session";
export type { ShapeMode, ToolOptions } from "./toolOptions";
export { type Modifiers, NO_MODIFIERS, type ToolName } from "./tools";
export type { ImagePoint, ScreenPoint, Size, View } from "./transform";
export { attachWindowLevel } from "./windowLevel";
