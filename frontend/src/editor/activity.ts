/** After this long without a sign of the person, time no longer counts. Milliseconds. */
export const IDLE_AFTER = 15_000;

/** Counts the seconds a person is active: pauses longer than 15 s count nothing at all. */
export class ActivityClock {
  private total = 0;
  private last: number | null = null;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A sign of the person: a pointer move, a key. */
  touch(): void {
    const now = this.now();
    if (this.last !== null && now - this.last <= IDLE_AFTER) this.total += now - this.last;
    this.last = now;
  }

  /** Another frame: the time until the next sign belongs to nobody. */
  pause(): void {
    this.last = null;
  }

  /** Active seconds since the start or the last `take`. */
  get seconds(): number {
    return this.total / 1000;
  }

  /** Read the seconds and start again from 0. */
  take(): number {
    const { seconds } = this;
    this.total = 0;
    return seconds;
  }
}
