import type { Editor } from "./editor";
import type { Action, ActionPhase } from "./keyboard";

/**
 * Do what an action means to the editor itself. False when it is the screen's to do: frames, playing,
 * saving, submitting, panels, help, and "finish" where there is nothing to finish.
 *
 * `label.N` is the Nth label of the list, not the label of index N.
 */
export function runEditorAction(editor: Editor, action: Action, phase: ActionPhase): boolean {
  if (action.startsWith("label.") && action !== "label.swap") {
    const label = editor.getState().labels[Number(action.slice("label.".length)) - 1];
    if (label) editor.setLabel(label.index);
    return true;
  }
  switch (action) {
    case "tool.brush":
      editor.setTool("brush");
      return true;
    case "tool.eraser":
      editor.setTool("eraser");
      return true;
    case "tool.polygon":
      editor.setTool("polygon");
      return true;
    case "tool.fill":
      editor.setTool("fill");
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
