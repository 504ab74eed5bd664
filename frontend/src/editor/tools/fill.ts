import { floodFill } from "../raster";
import type { ImagePoint } from "../transform";
import type { Preview, Tool, ToolHost } from "./tool";

/** Gives the connected region under the press the current label. One press is one undo step. */
export class FillTool implements Tool {
  readonly isBusy = false;

  constructor(private readonly host: ToolHost) {}

  onPointerDown(at: ImagePoint): void {
    const { label } = this.host;
    const edit = this.host.begin();
    edit.painted(floodFill(edit.map, Math.floor(at.x), Math.floor(at.y), label, this.host.mayReplace(label)));
    edit.finish();
  }

  onPointerMove(): void {}
  onPointerUp(): void {}
  onCancel(): void {}

  preview(): readonly Preview[] {
    return [];
  }
}
