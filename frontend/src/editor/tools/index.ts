import { BrushTool } from "./brush";
import { ClickTool } from "./clicks";
import { EraserTool } from "./eraser";
import { FillTool } from "./fill";
import { GrowTool } from "./grow";
import { LassoTool } from "./lasso";
import { LineTool } from "./line";
import { MeasureTool } from "./measure";
import { MoveTool } from "./move";
import { PanTool } from "./pan";
import { PolygonTool } from "./polygon";
import { ScissorsTool } from "./scissors";
import { SuperpixelTool } from "./superpixel";
import type { Tool, ToolHost } from "./tool";

export { type Modifiers, NO_MODIFIERS, type Preview, type Tool, type ToolHost } from "./tool";

/** Every tool by name: a new one is added here and nowhere else in the engine. */
const TOOLS = {
  brush: BrushTool,
  eraser: EraserTool,
  line: LineTool,
  polygon: PolygonTool,
  lasso: LassoTool,
  scissors: ScissorsTool,
  fill: FillTool,
  grow: GrowTool,
  superpixel: SuperpixelTool,
  clicks: ClickTool,
  move: MoveTool,
  measure: MeasureTool,
  pan: PanTool,
} as const;

export type ToolName = keyof typeof TOOLS;

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(TOOLS, name);
}

export function createTool(name: ToolName, host: ToolHost): Tool {
  return new TOOLS[name](host);
}
