import { type Box, boxBetween, unionBox } from "../box";
import type { OpenEdit } from "../edit";
import { BACKGROUND, type Labelmap, NOT_ANNOTATED } from "../labelmap";
import { pieceAt, type Region, regionOf } from "../morphology";
import type { PaintMask } from "../raster";
import type { ImagePoint } from "../transform";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** CSS pixels around a corner that count as on it. */
const HANDLE = 10;

/** Where the lifted structure lies, in image points. */
interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A structure taken up: each drag places it anew from its own pixels, so that nothing is lost on the way. */
interface Lifted {
  readonly label: number;
  readonly region: Region;
  /** The map without it. */
  readonly base: Labelmap;
  place: Place;
  /** The box it is painted in now. */
  drawn: Box | null;
}

interface Drag {
  readonly edit: OpenEdit;
  readonly may: PaintMask;
  readonly from: ImagePoint;
  readonly start: Place;
  readonly drawn: Box | null;
  /** The corner that stays, as parts of width and height; null when it is moved, not scaled. */
  readonly fixed: ImagePoint | null;
}

/**
 * Moves a structure by a drag on it and scales it by its corners (Shift keeps its proportions): the piece
 * under the press, or the label as a whole. Each drag is one undo step.
 */
export class MoveTool implements Tool {
  private lifted: Lifted | null = null;
  private drag: Drag | null = null;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.drag !== null;
  }

  onPointerDown(at: ImagePoint): void {
    this.endDrag();
    const corner = this.cornerAt(at);
    if (!corner && !this.isOn(at)) this.lifted = this.lift(at);
    if (!this.lifted) return;
    const { place, drawn, label } = this.lifted;
    const fixed = corner && { x: 1 - corner.x, y: 1 - corner.y };
    const may = this.host.mayReplace(label);
    this.drag = { edit: this.host.begin(), may, from: at, start: place, drawn, fixed };
  }

  onPointerMove(at: ImagePoint, { shift }: Modifiers): void {
    const { drag, lifted } = this;
    if (!drag || !lifted) return;
    const place = drag.fixed ? scaled(drag.start, drag.fixed, at, shift) : moved(drag.start, drag.from, at);
    if (same(place, lifted.place)) return;
    lifted.place = place;
    this.paint(lifted, drag);
  }

  onPointerUp(at: ImagePoint, modifiers: Modifiers): void {
    this.onPointerMove(at, modifiers);
    this.endDrag();
  }

  onCancel(): void {
    if (this.drag && this.lifted) {
      this.lifted.place = this.drag.start;
      this.lifted.drawn = this.drag.drawn;
      this.drag.edit.revert();
      this.drag = null;
    } else this.lifted = null;
    this.host.previewChanged();
  }

  /** What was taken up may be protected now: then it stays where it lay. */
  onRulesChanged(): void {
    if (!this.lifted || this.mayMove(this.lifted.label)) return;
    this.onCancel();
    this.lifted = null;
    this.host.previewChanged();
  }

  onMapChanged(): void {
    this.lifted = null;
    this.host.previewChanged();
  }

  preview(): readonly Preview[] {
    if (!this.lifted) return [];
    const corners = CORNERS.map((corner) => cornerOf((this.lifted as Lifted).place, corner));
    return [
      { kind: "line", points: [...corners, corners[0]], label: this.lifted.label },
      { kind: "handles", points: corners },
    ];
  }

  private endDrag(): void {
    this.drag?.edit.finish();
    this.drag = null;
  }

  /** Take up what is pressed. Null for background, pixels not annotated, and labels that may not change. */
  private lift(at: ImagePoint): Lifted | null {
    const { host } = this;
    const [x, y] = [Math.floor(at.x), Math.floor(at.y)];
    const label = host.map.at(x, y);
    if (label === undefined || label === BACKGROUND || label === NOT_ANNOTATED) return null;
    if (!this.mayMove(label)) return null;
    const region = host.options.moveWhole ? regionOf(host.map, label) : pieceAt(host.map, x, y);
    if (!region) return null;
    const base = host.map.clone();
    eachPixel(region, base.width, (i) => {
      base.data[i] = BACKGROUND;
    });
    return { label, region, base, place: region.box, drawn: region.box };
  }

  private mayMove(label: number): boolean {
    return this.host.mayReplace(BACKGROUND)[label] === 1 && this.host.mayReplace(label).includes(1);
  }

  private paint(lifted: Lifted, { edit, may }: Drag): void {
    const { region, base, place, label, drawn } = lifted;
    const { map } = edit;
    const box = boxBetween(
      Math.ceil(place.x - 0.5),
      Math.ceil(place.y - 0.5),
      Math.ceil(place.x + place.width - 0.5) - 1,
      Math.ceil(place.y + place.height - 0.5) - 1,
      map.width,
      map.height,
    );
    for (const old of [drawn, box]) if (old) map.copyBox(old, base);
    lifted.drawn = box;
    if (box) {
      // Nearest neighbour, always from the pixels that were taken up.
      const { width, height } = region.box;
      for (let y = box.y; y < box.y + box.height; y++) {
        const row = Math.min(height - 1, Math.floor(((y + 0.5 - place.y) / place.height) * height));
        for (let x = box.x; x < box.x + box.width; x++) {
          const column = Math.min(width - 1, Math.floor(((x + 0.5 - place.x) / place.width) * width));
          const i = y * map.width + x;
          if (region.data[row * width + column] && may[base.data[i]]) map.data[i] = label;
        }
      }
    }
    const changed = drawn && box ? unionBox(drawn, box) : (drawn ?? box);
    edit.painted(changed);
  }

  /** The corner under a point, as parts of width and height. */
  private cornerAt(at: ImagePoint): ImagePoint | null {
    if (!this.lifted) return null;
    const { place } = this.lifted;
    const near = CORNERS.filter((corner) => {
      const { x, y } = cornerOf(place, corner);
      return Math.hypot(x - at.x, y - at.y) * this.host.scale <= HANDLE;
    });
    return near[0] ?? null;
  }

  private isOn(at: ImagePoint): boolean {
    if (!this.lifted) return false;
    const { place, region } = this.lifted;
    const column = Math.floor(((at.x - place.x) / place.width) * region.box.width);
    const row = Math.floor(((at.y - place.y) / place.height) * region.box.height);
    if (column < 0 || row < 0 || column >= region.box.width || row >= region.box.height) return false;
    return region.data[row * region.box.width + column] === 1;
  }
}

const CORNERS: readonly ImagePoint[] = [
  { x: 0, y: 0 },
  { x: 1, y: 0 },
  { x: 1, y: 1 },
  { x: 0, y: 1 },
];

function cornerOf({ x, y, width, height }: Place, corner: ImagePoint): ImagePoint {
  return { x: x + corner.x * width, y: y + corner.y * height };
}

/** By whole pixels: a move alone changes no shape. */
function moved(start: Place, from: ImagePoint, to: ImagePoint): Place {
  return { ...start, x: start.x + Math.round(to.x - from.x), y: start.y + Math.round(to.y - from.y) };
}

/** The corner opposite to `fixed` goes to a point; never smaller than a pixel, never turned over. */
function scaled(start: Place, fixed: ImagePoint, to: ImagePoint, keepsRatio: boolean): Place {
  const stays = cornerOf(start, fixed);
  let width = Math.max(1, (to.x - stays.x) * (1 - 2 * fixed.x));
  let height = Math.max(1, (to.y - stays.y) * (1 - 2 * fixed.y));
  if (keepsRatio) {
    const factor = Math.max(width / start.width, height / start.height);
    width = start.width * factor;
    height = start.height * factor;
  }
  return { x: stays.x - fixed.x * width, y: stays.y - fixed.y * height, width, height };
}

function same(a: Place, b: Place): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}

function eachPixel({ box, data }: Region, width: number, visit: (i: number) => void): void {
  for (let at = 0; at < data.length; at++) {
    if (!data[at]) continue;
    const column = at % box.width;
    visit((box.y + (at - column) / box.width) * width + box.x + column);
  }
}
