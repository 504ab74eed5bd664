import { MaskDocument } from "../document";
import { Editor } from "../editor";
import type { Picture } from "../editorState";
import { Labelmap } from "../labelmap";
import type { LabelStyle } from "../palette";
import { type Modifiers, NO_MODIFIERS } from "../tools";
import { type ScreenPoint, toScreen } from "../transform";

/** What tests share: an editor to move the pointer over, and label maps that can be read. */
export const LABELS: readonly LabelStyle[] = [
  { index: 1, name: "lamina", color: "#e69f00" },
  { index: 2, name: "dura", color: "#56b4e9" },
  { index: 7, name: "ligamentum flavum", color: "#009e73" },
];

export function picture(width: number, height: number, greys?: Uint8Array): Picture & { closed: boolean } {
  return {
    width,
    height,
    greys: greys ?? new Uint8Array(width * height),
    closed: false,
    close() {
      this.closed = true;
    },
  };
}

/** A map drawn in text: "." background, digits labels. */
export function drawn(...rows: string[]): Labelmap {
  const pixels = rows.flatMap((row) => [...row].map((pixel) => (pixel === "." ? 0 : Number(pixel))));
  return new Labelmap(rows[0].length, rows.length, Uint8Array.from(pixels));
}

export function text(map: Labelmap): string[] {
  return Array.from({ length: map.height }, (_, y) =>
    Array.from({ length: map.width }, (_, x) => map.at(x, y) || ".").join(""),
  );
}

/** An editor on a table of its own, with hands to move its pointer in image points. */
export class Bench {
  readonly editor = new Editor({ labels: LABELS });
  readonly map: Labelmap;

  constructor(
    map: Labelmap,
    { greys, millimetresPerPixel }: { greys?: Uint8Array; millimetresPerPixel?: number } = {},
  ) {
    this.map = map;
    this.editor.setViewport({ width: 900, height: 700 });
    this.editor.open({
      id: "frame",
      picture: picture(map.width, map.height, greys),
      document: new MaskDocument(map),
      millimetresPerPixel,
    });
    this.editor.setBrushSize(1);
  }

  /** Keys held with the pointer from now on. */
  modifiers: Modifiers = NO_MODIFIERS;
  /** Of the pen from now on; undefined for a mouse. */
  pressure: number | undefined = undefined;

  down(x: number, y: number): this {
    this.editor.pointerDown(this.at(x, y), this.modifiers);
    return this;
  }

  move(...points: [number, number][]): this {
    this.editor.pointerMove(
      points.map(([x, y]) => this.at(x, y)),
      this.modifiers,
    );
    return this;
  }

  up(x: number, y: number): this {
    this.editor.pointerUp(this.at(x, y), this.modifiers);
    return this;
  }

  private at(x: number, y: number): ScreenPoint {
    const place = toScreen(this.editor.view, { x, y });
    return this.pressure === undefined ? place : { ...place, pressure: this.pressure };
  }

  press(x: number, y: number): this {
    return this.down(x, y).up(x, y);
  }

  drag(...points: [number, number][]): this {
    this.down(...points[0]);
    for (const point of points.slice(1)) this.move(point);
    return this.up(...points[points.length - 1]);
  }
}
