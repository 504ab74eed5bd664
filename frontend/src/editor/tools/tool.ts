import type { AssistPort, AssistState } from "../assist";
import type { OpenEdit } from "../edit";
import type { Greys } from "../greys";
import type { Labelmap } from "../labelmap";
import type { PaintMask } from "../raster";
import type { ToolOptions } from "../toolOptions";
import type { ImagePoint } from "../transform";

/** The keys that were down with the pointer. `mod` is Ctrl, or Command on a Mac. */
export interface Modifiers {
  readonly shift: boolean;
  readonly alt: boolean;
  readonly mod: boolean;
}

export const NO_MODIFIERS: Modifiers = { shift: false, alt: false, mod: false };

/**
 * What a tool is told. Points are image points: only `transform.ts` knows the zoom.
 *
 * One way in (the pointer goes down) and two ways out: finishing leaves one undo step, cancelling
 * leaves no trace.
 */
export interface Tool {
  /** True from the first press until the step is finished or cancelled. */
  readonly isBusy: boolean;
  onPointerDown(at: ImagePoint, modifiers: Modifiers): void;
  onPointerMove(at: ImagePoint, modifiers: Modifiers): void;
  onPointerUp(at: ImagePoint, modifiers: Modifiers): void;
  /** Escape or a lost pointer: as if it never began. */
  onCancel(): void;
  /** Enter: finish a step that takes several presses. */
  onFinish?(): void;
  /** Undo while busy: take back the last press. */
  onStepBack?(): void;
  /** What was drawn so far means nothing without its end: dropped, not kept, when its frame or tool goes. */
  readonly needsEnd?: boolean;
  /** The map was changed by other hands (undo, an operation, another frame): forget what was known of it. */
  onMapChanged?(): void;
  /** The label in hand, a lock or the paint-over rule changed in the middle of a step. */
  onRulesChanged?(): void;
  /** The pointer was lost, in a tool whose earlier presses stay: only what it was drawing goes. */
  onPointerLost?(): void;
  /** Ask once more what nobody answered. */
  retry?(): void;
  /** What to draw over the picture while the pointer is at `hover` (null: outside). */
  preview(hover: ImagePoint | null): readonly Preview[];
}

/** A shape on the cursor canvas, in image points. */
export type Preview =
  | { readonly kind: "circle"; readonly centre: ImagePoint; readonly diameter: number }
  | { readonly kind: "square"; readonly centre: ImagePoint; readonly size: number }
  /** A shape in the making: its first corner is a ring. `label` null: white. */
  | { readonly kind: "path"; readonly points: readonly ImagePoint[]; readonly label: number | null }
  | { readonly kind: "line"; readonly points: readonly ImagePoint[]; readonly label: number | null }
  /** Loose pieces of an outline: x1, y1, x2, y2 and so on. */
  | { readonly kind: "edges"; readonly segments: ArrayLike<number>; readonly label: number | null }
  /** A click: green with a plus, red with a minus; a broken rim while nobody has answered it. */
  | { readonly kind: "pin"; readonly at: ImagePoint; readonly positive: boolean; readonly pending: boolean }
  | { readonly kind: "handles"; readonly points: readonly ImagePoint[] }
  | { readonly kind: "text"; readonly at: ImagePoint; readonly text: string };

/** What a tool may know and do. The editor is one; a test may be another. */
export interface ToolHost {
  readonly width: number;
  readonly height: number;
  /** The label painted with. */
  readonly label: number;
  /** Brush diameter, whole image pixels. */
  readonly brushSize: number;
  /** The map as it is shown, for looking: painting goes through `begin`. */
  readonly map: Labelmap;
  readonly options: ToolOptions;
  /** Null where the clip is not calibrated. */
  readonly millimetresPerPixel: number | null;
  /** CSS pixels per image pixel. */
  readonly scale: number;
  /** Which labels painting with `label` may replace, by the paint-over rule and the locks. */
  mayReplace(label: number): PaintMask;
  begin(): OpenEdit;
  /** The picture's greys, 0-255, row by row; the same array for the same frame. */
  greys(): Greys;
  /** Of the open frame. */
  readonly frameId: string;
  /** Indices of the labels there are. */
  readonly labels: readonly number[];
  /** The model; null where there is none that takes clicks. */
  readonly assist: AssistPort | null;
  readonly assistState: AssistState;
  setAssistState(state: AssistState): void;
  /** Show what the model would do; null: nothing any more. */
  showProposal(map: Labelmap | null): void;
  /** The next step is a proposal of the model. */
  assistAccepted(): void;
  setOptions(change: Partial<ToolOptions>): void;
  /** Move the picture, in CSS pixels. */
  panBy(dx: number, dy: number): void;
  /** Ask for `preview` to be drawn again. */
  previewChanged(): void;
}
