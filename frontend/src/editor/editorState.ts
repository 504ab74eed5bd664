import type { AssistState } from "./assist";
import type { Box } from "./box";
import type { Display } from "./display";
import type { MaskDocument } from "./document";
import type { Labelmap } from "./labelmap";
import type { PaintOver } from "./paintRules";
import type { ColorTables, LabelStyle } from "./palette";
import type { ToolOptions } from "./toolOptions";
import type { ToolName } from "./tools";
import type { View } from "./transform";

export type { PaintOver } from "./paintRules";

/**
 * A decoded picture. In the browser an ImageBitmap, whose greys are read when first needed; where nothing
 * is drawn any object of this shape, with its greys (0-255, row by row) where a tool wants them. `half`: the same
 * picture, each of its pixels two by two of this one's; closed with it.
 */
export type Picture = Pick<ImageBitmap, "width" | "height" | "close"> & {
  readonly greys?: Uint8Array;
  readonly half?: ImageBitmap;
};

/** One frame on the table. */
export interface OpenFrame {
  readonly id: string;
  readonly picture: Picture;
  readonly document: MaskDocument;
  /** Millimetres across one pixel, where the clip is calibrated. */
  readonly millimetresPerPixel?: number | null;
}

/** Everything a panel shows; a new object whenever anything in it changes. */
export interface EditorState {
  readonly frameId: string | null;
  readonly tool: ToolName;
  /** The label painted with, 0-254. */
  readonly label: number;
  readonly brushSize: number;
  readonly paintOver: PaintOver;
  readonly options: ToolOptions;
  /** Of the open frame's clip; null where it is not calibrated. */
  readonly millimetresPerPixel: number | null;
  readonly opacity: number;
  readonly outlinesOnly: boolean;
  readonly hidden: ReadonlySet<number>;
  readonly locked: ReadonlySet<number>;
  /** All masks hidden, while `H` is held. */
  readonly masksHidden: boolean;
  /** Of single labels, 0-1, on top of `opacity`; 1 where there is none. */
  readonly strengths: ReadonlyMap<number, number>;
  /** The label that stands out while its name is pointed at. */
  readonly highlighted: number | null;
  /** How the picture is shown. */
  readonly display: Display;
  /** Of the click-to-fix tool. */
  readonly assist: AssistState;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  readonly readOnly: boolean;
  readonly labels: readonly LabelStyle[];
}

export interface EditorEvents {
  /** `state` changed. */
  state: EditorState;
  /** Another frame (or none) is open. */
  frame: OpenFrame | null;
  /** These pixels of the label map may have changed: draw them. */
  pixels: Box;
  /** A step was finished, undone or redone: save it. Never sent for masks that come from the server. */
  edited: { readonly frameId: string; readonly document: MaskDocument };
  view: View;
  /** Colours, opacity or hidden labels changed: draw all. */
  style: ColorTables;
  /** A shape, or a proposal of the model, was not finished when its frame or tool went, and is gone. */
  dropped: ToolName;
  /** Something was to change the frame while another picture is shown in its place; nothing did. */
  away: undefined;
  /** The tool was put to a label that is locked: it will change nothing. */
  locked: number;
  /** What the model would make of the mask; null: nothing is proposed any more. */
  proposal: Labelmap | null;
  /** Draw the cursor canvas again. */
  preview: undefined;
}
