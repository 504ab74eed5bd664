import type { OpenEdit } from "../edit";
import type { Greys } from "../greys";
import { BACKGROUND } from "../labelmap";
import type { PaintMask } from "../raster";
import { outlineOf, type Superpixels } from "../superpixels";
import { findSuperpixels } from "../superpixelWorker";
import type { ImagePoint } from "../transform";
import type { Modifiers, Preview, Tool, ToolHost } from "./tool";

/** What is known of a picture's patches, for one size of them. */
interface Patches {
  readonly side: number;
  found: Superpixels | null;
  problem: string | null;
  readonly abort: AbortController;
}

/** Go with the picture's greys. */
const known = new WeakMap<Greys, Patches>();

/** A stroke before the patches were there: painted when they are. */
interface Waiting {
  readonly greys: Greys;
  /** The label in hand when it was pressed. */
  readonly label: number;
  readonly takesAway: boolean;
  readonly places: ImagePoint[];
  released: boolean;
}

interface Painting {
  readonly edit: OpenEdit;
  readonly label: number;
  readonly may: PaintMask;
  readonly patches: Superpixels;
  readonly done: Set<number>;
  last: ImagePoint;
}

/** Paints patches of like greys: the one under the pointer is outlined, a drag paints all it crosses. With Alt or Ctrl it takes away. */
export class SuperpixelTool implements Tool {
  private painting: Painting | null = null;
  private waiting: Waiting[] = [];
  private outlined: { readonly of: Superpixels; readonly patch: number; readonly segments: number[] } | null =
    null;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.painting !== null || this.waiting.length > 0;
  }

  onPointerDown(at: ImagePoint, { alt, mod }: Modifiers): void {
    this.painting?.edit.finish();
    this.painting = null;
    const { host } = this;
    const takesAway = alt || mod;
    const { found, problem } = this.patches();
    if (found) this.start(at, host.label, takesAway, found);
    else if (problem === null) {
      const greys = host.greys();
      this.waiting.push({ greys, label: host.label, takesAway, places: [at], released: false });
    }
  }

  private start(at: ImagePoint, inHand: number, takesAway: boolean, patches: Superpixels): void {
    const { host } = this;
    const label = takesAway ? BACKGROUND : inHand;
    const may = host.mayReplace(label).slice();
    // Taking away is from the label in hand only.
    if (takesAway && inHand !== BACKGROUND) for (let i = 0; i < 256; i++) if (i !== inHand) may[i] = 0;
    this.painting = { edit: host.begin(), label, may, patches, done: new Set(), last: at };
    this.paintAt(this.painting, at);
  }

  /** The patches are there: draw what was drawn meanwhile. */
  private paintWaiting(patches: Superpixels): void {
    const { waiting } = this;
    if (waiting.length === 0 || waiting[0].greys !== this.host.greys()) return;
    this.waiting = [];
    for (const { label, takesAway, places, released } of waiting) {
      const [first, ...rest] = places;
      this.start(first, label, takesAway, patches);
      for (const place of rest) this.onPointerMove(place);
      if (released) this.finish();
    }
  }

  onPointerMove(at: ImagePoint): void {
    const { painting } = this;
    const waits = this.waiting.at(-1);
    if (waits && !waits.released) waits.places.push(at);
    if (!painting) return;
    const { last } = painting;
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(at.x - last.x), Math.abs(at.y - last.y))));
    for (let step = 1; step <= steps; step++) {
      const part = step / steps;
      this.paintAt(painting, { x: last.x + part * (at.x - last.x), y: last.y + part * (at.y - last.y) });
    }
    painting.last = at;
  }

  onPointerUp(at: ImagePoint): void {
    this.onPointerMove(at);
    const waits = this.waiting.at(-1);
    if (waits) waits.released = true;
    this.finish();
  }

  private finish(): void {
    this.painting?.edit.finish();
    this.painting = null;
  }

  onCancel(): void {
    this.waiting = [];
    this.painting?.edit.revert();
    this.painting = null;
  }

  preview(hover: ImagePoint | null): readonly Preview[] {
    if (!hover || this.painting) return [];
    const { found, problem } = this.patches();
    if (!found) {
      const at = { x: hover.x + 14 / this.host.scale, y: hover.y };
      return [{ kind: "text", at, text: problem ?? "Finding patches…" }];
    }
    const patch = patchAt(found, hover);
    if (patch === null) return [];
    if (this.outlined?.of !== found || this.outlined.patch !== patch)
      this.outlined = { of: found, patch, segments: outlineOf(found, patch) };
    return [{ kind: "edges", segments: this.outlined.segments, label: this.host.label }];
  }

  /** The open picture's patches; asked for where they are not known. */
  private patches(): Patches {
    const { host } = this;
    const { width, height } = host;
    const greys = host.greys();
    const side = host.options.regionSize;
    const before = known.get(greys);
    if (before?.side === side) return before;
    before?.abort.abort();
    const patches: Patches = { side, found: null, problem: null, abort: new AbortController() };
    known.set(greys, patches);
    findSuperpixels({ greys, width, height, side }, patches.abort.signal).then(
      (found) => {
        patches.found = found;
        if (known.get(greys) === patches) this.paintWaiting(found);
        host.previewChanged();
      },
      (error: Error) => {
        patches.problem = `No patches: ${error.message}`;
        this.waiting = [];
        host.previewChanged();
      },
    );
    return patches;
  }

  private paintAt(painting: Painting, at: ImagePoint): void {
    const { patches, done, edit, label, may } = painting;
    const patch = patchAt(patches, at);
    if (patch === null || done.has(patch)) return;
    done.add(patch);
    const [left, top, right, bottom] = patches.boxes.subarray(4 * patch, 4 * patch + 4);
    const { data, width } = edit.map;
    for (let y = top; y <= bottom; y++)
      for (let i = y * width + left; i <= y * width + right; i++)
        if (patches.of[i] === patch && may[data[i]]) data[i] = label;
    edit.painted({ x: left, y: top, width: right - left + 1, height: bottom - top + 1 });
  }
}

function patchAt({ width, height, of }: Superpixels, at: ImagePoint): number | null {
  const [x, y] = [Math.floor(at.x), Math.floor(at.y)];
  return x < 0 || y < 0 || x >= width || y >= height ? null : of[y * width + x];
}
