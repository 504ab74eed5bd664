import type { Box } from "./box";
import type { Display } from "./display";
import type { MaskDocument } from "./document";
import type { Labelmap } from "./labelmap";
import type { ColorTables, LabelStyle } from "./palette";
import type { ToolName } from "./tools";
import type { View } from "./transform";

/** Which pixels painting may replace: any, or only background. */
export type PaintOver = "all" | "background";

/** A decoded picture. In the browser an ImageBitmap; where nothing is drawn any object of this shape. */
export type Picture = Pick<ImageBitmap, "width" | "height" | "close">;

/** One frame on the table. */
export interface OpenFrame {
  readonly id: string;
  readonly picture: Picture;
  readonly document: MaskDocument;
}

/** Everything a panel shows; a new object whenever anything in it changes. */
export interface EditorState {
  readonly frameId: string | null;
  readonly tool: ToolName;
  /** The label painted with, 0-254. */
  readonly label: number;
  readonly brushSize: number;
  readonly paintOver: PaintOver;
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
  edited: { readonly frameId: string; readonly map: Labelmap };
  view: View;
  /** Colours, opacity or hidden labels changed: draw all. */
  style: ColorTables;
  /** Draw the cursor canvas again. */
  preview: undefined;
}
