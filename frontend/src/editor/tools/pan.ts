import type { ImagePoint } from "../transform";
import type { Preview, Tool, ToolHost } from "./tool";

/** Drags the picture. Never an undo step. */
export class PanTool implements Tool {
  private held: ImagePoint | null = null;

  constructor(private readonly host: ToolHost) {}

  get isBusy(): boolean {
    return this.held !== null;
  }

  onPointerDown(at: ImagePoint): void {
    this.held = at;
  }

  /** The image point that was pressed comes back under the pointer. */
  onPointerMove(at: ImagePoint): void {
    if (!this.held) return;
    const { scale } = this.host;
    this.host.panBy((at.x - this.held.x) * scale, (at.y - this.held.y) * scale);
  }

  onPointerUp(at: ImagePoint): void {
    this.onPointerMove(at);
    this.held = null;
  }

  onCancel(): void {
    this.held = null;
  }

  preview(): readonly Preview[] {
    return [];
  }
}
