/**
 * What can end an exchange from outside. Three members instead of an `AbortSignal`, which costs five
 * times as much per call (1.2 µs with two listeners, measured).
 */
export interface Stop {
  readonly stopped: boolean;
  /** Calls `listener` once, when it is stopped. */
  on(listener: () => void): void;
  off(listener: () => void): void;
}

/** An `AbortSignal` as a `Stop`, where the cost does not count. */
export function stopOn(signal: AbortSignal): Stop {
  return {
    get stopped(): boolean {
      return signal.aborted;
    },
    on: (listener) => signal.addEventListener("abort", listener, { once: true }),
    off: (listener) => signal.removeEventListener("abort", listener),
  };
}
