import { type Box, boxBetween, unionBox } from "../box";
import type { OpenEdit } from "../edit";
import { RegionGrower } from "../grow";
import type { ImagePoint } from "../transform";
import type { Preview, Tool, ToolHost } from "./tool";

/** CSS pixels to drag for one grey value of tolerance. */
const DRAG = 4;

interface Growing {
  readonly edit: OpenEdit;
  readonly grower: RegionGrower;
  readonly label: number;
  readonly from: ImagePoint;
  readonly start: number;
  tolerance: number;
  /** How many pixels of the region are painted. */
  painted: number;
}

/**
 * Paints the region of like greys around the press. Dragging right while pressed makes it tolerate more,
 * left less, and shows at once what that means; the release keeps it as one undo step.
 */
export class GrowTool implements Tool {
  private growing: Growing | null = null;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.growing !== null;
  }

  onPointerDown(at: ImagePoint): void {
    this.growing?.edit.finish();
    this.growing = null;
    const { host } = this;
    const [x, y] = [Math.floor(at.x), Math.floor(at.y)];
    if (x < 0 || y < 0 || x >= host.width || y >= host.height) return;
    const { label } = host;
    const may = host.mayReplace(label).slice();
    // What is this label already is no wall; a label not to be touched is none of ours to pass through.
    if (may.includes(1)) may[label] = 1;
    const { tolerance, reach } = host.options;
    const grower = new RegionGrower(host.greys(), host.map, x, y, may, reach);
    this.growing = { edit: host.begin(), grower, label, from: at, start: tolerance, tolerance, painted: 0 };
    this.paint(this.growing);
  }

  onPointerMove(at: ImagePoint): void {
    const { growing } = this;
    if (!growing) return;
    const dragged = Math.round(((at.x - growing.from.x) * this.host.scale) / DRAG);
    const tolerance = Math.min(255, Math.max(0, growing.start + dragged));
    if (tolerance === growing.tolerance) return;
    growing.tolerance = tolerance;
    this.paint(growing);
  }

  onPointerUp(at: ImagePoint): void {
    this.onPointerMove(at);
    const { growing } = this;
    this.growing = null;
    if (!growing) return;
    growing.edit.finish();
    if (growing.tolerance !== this.host.options.tolerance)
      this.host.setOptions({ tolerance: growing.tolerance });
    this.host.previewChanged();
  }

  onCancel(): void {
    this.growing?.edit.revert();
    this.growing = null;
    this.host.previewChanged();
  }

  preview(hover: ImagePoint | null): readonly Preview[] {
    if (!this.growing || !hover) return [];
    const at = { x: hover.x + 14 / this.host.scale, y: hover.y };
    return [{ kind: "text", at, text: `± ${this.growing.tolerance}` }];
  }

  private paint(growing: Growing): void {
    const { edit, grower, label, tolerance } = growing;
    const region = grower.region(tolerance);
    if (region.length < growing.painted) {
      edit.restart();
      growing.painted = 0;
    }
    const fresh = region.subarray(growing.painted);
    growing.painted = region.length;
    const { data, width, height } = edit.map;
    const may = this.host.mayReplace(label);
    let box: Box | null = null;
    let [left, right, top, bottom] = [width, -1, height, -1];
    for (const i of fresh) {
      if (!may[data[i]]) continue;
      data[i] = label;
      const x = i % width;
      const y = (i - x) / width;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
    if (right >= 0) box = boxBetween(left, top, right, bottom, width, height);
    if (box) edit.painted(unionBox(null, box));
  }
}
