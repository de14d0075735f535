const WINDOW_SECONDS = 30;

/** How many calls have ended of late, and how many of them failed, in seconds' steps. */
export class RecentCalls {
  readonly #now: () => number;
  readonly #calls = new Uint32Array(WINDOW_SECONDS);
  readonly #failed = new Uint32Array(WINDOW_SECONDS);
  #second = 0;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(failed: boolean): void {
    this.#advance();
    const at = this.#second % WINDOW_SECONDS;
    this.#calls[at]! += 1;
    if (failed) this.#failed[at]! += 1;
  }

  /** Of the last 30 seconds. */
  count(): { calls: number; failed: number } {
    this.#advance();
    const sum = (counts: Uint32Array): number => counts.reduce((all, count) => all + count, 0);
    return { calls: sum(this.#calls), failed: sum(this.#failed) };
  }

  clear(): void {
    this.#calls.fill(0);
    this.#failed.fill(0);
  }

  #advance(): void {
    const second = Math.floor(this.#now() / 1000);
    if (second - this.#second >= WINDOW_SECONDS) this.clear();
    else {
      for (let passed = this.#second + 1; passed <= second; passed++) {
        this.#calls[passed % WINDOW_SECONDS] = 0;
        this.#failed[passed % WINDOW_SECONDS] = 0;
      }
    }
    this.#second = second;
  }
}
