/** Things on their way from one side to another: put at once, taken in order by one taker. */
export class Outbox<T> {
  readonly #things: T[] = [];
  #wake: (() => void) | undefined;

  /** Adds one. */
  put(thing: T): void {
    this.#things.push(thing);
    this.#wake?.();
  }

  /** Takes the next one, if it is there. */
  take(): T | undefined {
    return this.#things.shift();
  }

  /**
   * Resolved as soon as there is something to take, or after `withinMs`. Rejects with the signal's
   * reason.
   */
  arrival({ withinMs, signal }: { withinMs: number; signal: AbortSignal }): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#things.length > 0) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", leave);
        this.#wake = undefined;
      };
      const come = (): void => (end(), resolve());
      const leave = (): void => (end(), reject(signal.reason));
      const timer = setTimeout(come, withinMs);
      signal.addEventListener("abort", leave, { once: true });
      this.#wake = come;
    });
  }
}
