import { type Editor, THRESHOLDS } from "./editor";
import type { Action, ActionPhase } from "./keyboard";
import { isToolName } from "./tools";

/** The one after it in the list, round and round. */
function after<Value>(values: readonly Value[], value: Value): Value {
  return values[(values.indexOf(value) + 1) % values.length];
}

/**
 * Do what an action means to the editor itself. False when it is the screen's to do: frames, playing,
 * saving, submitting, panels, help, and "finish" where there is nothing to finish.
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
  const { options } = editor.getState();
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
    case "undo":
      editor.undo();
      return true;
    case "redo":
      editor.redo();
      return true;
    case "stepBack":
      return editor.stepBack();
    case "cancel":
      editor.cancel();
      return true;
    case "finish":
      return editor.finish();
    default:
      return false;
  }
}
