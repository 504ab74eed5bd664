/** What a closed shape does: add to the label in hand, take away from it, or be all of it. */
export type ShapeMode = "add" | "subtract" | "replace";

/** How tools work, as the person has set them. Kept from tool to tool and from frame to frame. */
export interface ToolOptions {
  readonly brushShape: "round" | "square";
  /** "mm": the brush keeps its size in millimetres from clip to clip, where the clip is calibrated. */
  readonly sizeUnit: "px" | "mm";
  /** A light pen paints thin. */
  readonly pressureSize: boolean;
  /** Paint only greys from `low` to `high`, or only those within `around` of the place pressed. */
  readonly threshold: "off" | "range" | "press";
  /** 0-255, both included. */
  readonly low: number;
  readonly high: number;
  readonly around: number;
  readonly shapeMode: ShapeMode;
  /** Of region grow: greys this far from the place pressed still belong, 0-255. */
  readonly tolerance: number;
  /** Of region grow: never farther than this from the place pressed, image pixels. */
  readonly reach: number;
  /** Side of a superpixel, image pixels. */
  readonly regionSize: number;
  /** Of click to fix, without keys: a click or a box says "here"; a drag is a line of it; all of it says "not here". */
  readonly pointing: "here" | "line" | "not";
  /** Move the label's every piece, not only the one pressed. */
  readonly moveWhole: boolean;
  /** Operations on a label: islands of fewer pixels go; so many pixels to grow, shrink, smooth. */
  readonly islandBelow: number;
  readonly growBy: number;
  readonly smoothBy: number;
}

export const DEFAULT_OPTIONS: ToolOptions = {
  brushShape: "round",
  sizeUnit: "px",
  pressureSize: true,
  threshold: "off",
  low: 0,
  high: 255,
  around: 24,
  shapeMode: "add",
  tolerance: 16,
  reach: 160,
  regionSize: 16,
  pointing: "here",
  moveWhole: false,
  islandBelow: 40,
  growBy: 1,
  smoothBy: 2,
};
