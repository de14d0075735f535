/** Tells the first of many events that come close together, so that a flood leaves one line in the log. */
export class Burst {
  readonly #quietMs: number;
  readonly #now: () => number;
  #last = -Infinity;

  /** A burst is over when nothing has happened for `quietMs`. `now` is a monotonic clock, milliseconds. */
  constructor({ quietMs, now }: { quietMs: number; now: () => number }) {
    this.#quietMs = quietMs;
    this.#now = now;
  }

  /** To be called at each event: whether it begins a burst. */
  begins(): boolean {
    const now = this.#now();
    const first = now - this.#last > this.#quietMs;
    this.#last = now;
    return first;
  }
}
