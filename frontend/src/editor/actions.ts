import { type Editor, THRESHOLDS } from "./editor";
import type { Action, ActionPhase } from "./keyboard";
import { BACKGROUND } from "./labelmap";
import { isToolName } from "./tools";

/** One press of a key zooms by this, and pans by so many CSS pixels. */
const ZOOM = 1.25;
const PAN = 80;

/** The one after it in the list, round and round. */
function after<Value>(values: readonly Value[], value: Value): Value {
  return values[(values.indexOf(value) + 1) % values.length];
}

/**
 * Do what an action means to the editor itself. False when it is the screen's to do: frames, playing,
 * saving, submitting, panels, help, and "finish" and "undo" where there is nothing to finish or to undo.
 *
 * `label.N` is the Nth label of the list, not the label of index N.
 */
export function runEditorAction(editor: Editor, action: Action, phase: ActionPhase): boolean {
  const nth = /^label\.(\d+)$/.exec(action);
  if (nth) {
    const label = editor.getState().labels[Number(nth[1]) - 1];
    if (label) editor.setLabel(label.index);
    return true;
  }
  const tool = action.startsWith("tool.") ? action.slice("tool.".length) : "";
  if (isToolName(tool)) {
    editor.setTool(tool);
    return true;
  }
  const { options, label, locked, hidden, opacity } = editor.getState();
  switch (action) {
    case "brush.shape":
      editor.setOptions({ brushShape: options.brushShape === "round" ? "square" : "round" });
      return true;
    case "brush.threshold":
      if (!THRESHOLDS.has(editor.getState().tool)) return true; // nothing on the screen would tell
      editor.setOptions({ threshold: after(["off", "press", "range"] as const, options.threshold) });
      return true;
    case "shape.mode":
      editor.setOptions({ shapeMode: after(["add", "subtract", "replace"] as const, options.shapeMode) });
      return true;
    case "brush.smaller":
      editor.growBrush(-1);
      return true;
    case "brush.larger":
      editor.growBrush(1);
      return true;
    case "label.swap":
      editor.swapLabel();
      return true;
    case "label.next":
      editor.walkLabels(1);
      return true;
    case "label.previous":
      editor.walkLabels(-1);
      return true;
    case "label.lock":
      if (label !== BACKGROUND) editor.setLocked(label, !locked.has(label));
      return true;
    case "label.hide":
      if (label !== BACKGROUND) editor.setHidden(label, !hidden.has(label));
      return true;
    case "paintOver":
      editor.nextPaintOver();
      return true;
    case "opacity.up":
      editor.setOpacity(opacity + 0.1);
      return true;
    case "opacity.down":
      editor.setOpacity(opacity - 0.1);
      return true;
    case "masks.hide":
      editor.setMasksHidden(phase === "start");
      return true;
    case "masks.outlines":
      editor.setOutlinesOnly(!editor.getState().outlinesOnly);
      return true;
    case "pan":
      editor.holdPan(phase === "start");
      return true;
    case "view.fit":
      if (phase !== "end") editor.fitToScreen();
      return true;
    case "view.zoomIn":
      editor.zoomBy(ZOOM);
      return true;
    case "view.zoomOut":
      editor.zoomBy(1 / ZOOM);
      return true;
    // As if scrolled: what lies to the left comes into sight.
    case "view.left":
      editor.panBy(PAN, 0);
      return true;
    case "view.right":
      editor.panBy(-PAN, 0);
      return true;
    case "view.up":
      editor.panBy(0, PAN);
      return true;
    case "view.down":
      editor.panBy(0, -PAN);
      return true;
    case "undo":
      return editor.undo();
    case "redo":
      editor.redo();
      return true;
    case "stepBack":
      return editor.stepBack();
    case "cancel":
      if (editor.mayChange()) editor.cancel();
      return true;
    case "finish":
      return editor.finish();
    default:
      return false;
  }
}
