import type { LabelmapEdit } from "./edit";

const DEFAULT_LIMIT_BYTES = 50 * 1024 * 1024;

/**
 * The steps a person can take back and take again.
 *
 * Bounded by bytes: the oldest steps go first, the newest is always kept. Holds only what a person
 * did; a mask that arrives from the server is never a step.
 */
export class History {
  private done: LabelmapEdit[] = [];
  private undone: LabelmapEdit[] = [];
  private held = 0;

  constructor(private readonly limitBytes = DEFAULT_LIMIT_BYTES) {}

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Steps done, the newest last. */
  get past(): readonly LabelmapEdit[] {
    return this.done;
  }

  /** Steps undone that can be done again. */
  get future(): readonly LabelmapEdit[] {
    return this.undone;
  }

  get steps(): number {
    return this.done.length;
  }

  /** Memory of all steps, in bytes. */
  get bytes(): number {
    return this.held;
  }

  /** Add a step just done. What had been undone can no longer be redone. */
  push(edit: LabelmapEdit): void {
    for (const gone of this.undone) this.held -= gone.bytes;
    this.undone = [];
    this.done.push(edit);
    this.held += edit.bytes;
    let drop = 0;
    while (this.held > this.limitBytes && drop < this.done.length - 1) this.held -= this.done[drop++].bytes;
    if (drop > 0) this.done.splice(0, drop);
  }

  /** The step to take back now, if any. */
  stepBack(): LabelmapEdit | null {
    const edit = this.done.pop();
    if (!edit) return null;
    this.undone.push(edit);
    return edit;
  }

  /** The step to do again now, if any. */
  stepForward(): LabelmapEdit | null {
    const edit = this.undone.pop();
    if (!edit) return null;
    this.done.push(edit);
    return edit;
  }

  clear(): void {
    this.done = [];
    this.undone = [];
    this.held = 0;
  }
}
