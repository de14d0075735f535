/** What one that has just come back gets of its share, at the least. */
const FIRST_SHARE = 0.1;

/** How much one that has come back is given: little at first, then in a straight line all of it. */
export class Ramp {
  readonly #from: number;
  readonly #ms: number;

  /** Times in milliseconds, on one clock. */
  constructor(from: number, ms: number) {
    this.#from = from;
    this.#ms = ms;
  }

  /** From `FIRST_SHARE` to 1. */
  shareAt(now: number): number {
    const passed = this.#ms > 0 ? (now - this.#from) / this.#ms : 1;
    return Math.min(1, FIRST_SHARE + (1 - FIRST_SHARE) * passed);
  }
}
