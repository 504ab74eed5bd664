import { BrushTool } from "./brush";
import { EraserTool } from "./eraser";
import { FillTool } from "./fill";
import { PanTool } from "./pan";
import { PolygonTool } from "./polygon";
import type { Tool, ToolHost } from "./tool";

export { type Modifiers, NO_MODIFIERS, type Preview, type Tool, type ToolHost } from "./tool";

/** Every tool by name: a new one is added here and nowhere else in the engine. */
const TOOLS = {
  brush: BrushTool,
  eraser: EraserTool,
  polygon: PolygonTool,
  fill: FillTool,
  pan: PanTool,
} as const;

export type ToolName = keyof typeof TOOLS;

export function createTool(name: ToolName, host: ToolHost): Tool {
  return new TOOLS[name](host);
}
