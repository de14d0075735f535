/** Lets so many calls run at once; the others wait in the order they came. */
export class Turns {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  /** `limit` 0 = no limit. */
  constructor(limit: number) {
    this.#limit = limit > 0 ? limit : Infinity;
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a turn and gives the function that ends it. An aborted signal takes the call out of
   * the queue and rejects with the signal's reason.
   */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#running < this.#limit) this.#running++;
    else await this.#queue(signal);
    return () => this.#pass();
  }

  #queue(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(start);
        reject(signal.reason);
      };
      this.#waiting.add(start);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Hands the turn to the first in the queue, so nobody can slip in between. */
  #pass(): void {
    for (const start of this.#waiting) {
      this.#waiting.delete(start);
      return start();
    }
    this.#running--;
  }
}
