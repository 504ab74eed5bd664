import { BACKGROUND } from "../labelmap";
import { BrushTool } from "./brush";

/** A brush that paints background. */
export class EraserTool extends BrushTool {
  protected override get label(): number {
    return BACKGROUND;
  }
}
