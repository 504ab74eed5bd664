import type { Box } from "./box";
import { type LabelmapEdit, OpenEdit } from "./edit";
import { History } from "./history";
import type { Labelmap } from "./labelmap";
import { KeptRuns } from "./runs";

/**
 * The mask of one frame while it is worked on: its label map and the steps that can be undone.
 *
 * Two maps are held: the one painted in, and the one as of the last finished step. A stroke so
 * costs nothing to begin, and both keeping and forgetting it cost only its own box.
 */
export class MaskDocument {
  readonly history: History;
  private readonly committed: Labelmap;
  private readonly kept: KeptRuns;
  private open: OpenEdit | null = null;

  constructor(
    readonly labelmap: Labelmap,
    historyBytes?: number,
  ) {
    this.committed = labelmap.clone();
    this.kept = new KeptRuns(this.committed);
    this.history = new History(historyBytes);
  }

  /** Memory of the two label maps, in bytes. */
  get bytes(): number {
    return 2 * this.labelmap.data.length;
  }

  get isPainting(): boolean {
    return this.open !== null;
  }

  /** Start painting. Ends by the edit's `finish` or `revert`; only one may be open at a time. */
  begin(onPainted: (box: Box) => void, onFinished: (edit: LabelmapEdit) => void): OpenEdit {
    if (this.open) throw new Error("another edit is open: finish or revert it first");
    this.open = new OpenEdit(this.labelmap, this.committed, onPainted, (edit) => {
      this.open = null;
      if (!edit) return;
      this.kept.changed(edit.box);
      this.history.push(edit);
      onFinished(edit);
    });
    return this.open;
  }

  /** Take the last step back. Returns the changed box, or null when there is none. */
  undo(): Box | null {
    this.mustBeClosed("undo");
    const edit = this.history.stepBack();
    edit?.undo(this.labelmap);
    edit?.undo(this.committed);
    return this.changed(edit);
  }

  /** Do the step again that was last taken back. Returns the changed box, or null. */
  redo(): Box | null {
    this.mustBeClosed("redo");
    const edit = this.history.stepForward();
    edit?.redo(this.labelmap);
    edit?.redo(this.committed);
    return this.changed(edit);
  }

  /** Put another map of the same size in its place: not a step, and the steps so far are forgotten. */
  replace(map: Labelmap): void {
    this.mustBeClosed("replace");
    this.labelmap.write(this.labelmap.box, map.data);
    this.committed.copyBox(this.labelmap.box, this.labelmap);
    this.kept.changed(this.labelmap.box);
    this.history.clear();
  }

  /** The map as of the last finished step, as runs (see runs.ts). Costs what changed since asked last. */
  runs(): Uint32Array<ArrayBuffer> {
    return this.kept.now();
  }

  private changed(edit: LabelmapEdit | null): Box | null {
    if (!edit) return null;
    this.kept.changed(edit.box);
    return edit.box;
  }

  private mustBeClosed(what: string): void {
    if (this.open) throw new Error(`cannot ${what} while an edit is open: finish or revert it first`);
  }
}
