import type { Random } from "./random.ts";

/** How fast tokens come. */
export interface PaceOptions {
  /** From the start to the first token, in ms. */
  timeToFirstTokenMs: number;
  /** Tokens per second after the first; 0 = without any pause. */
  tokensPerSecond: number;
  /** Share of each delay, 0 to 1, that is left to chance. */
  jitter: number;
  random: Random;
  /** Ends every wait at once, rejecting with its reason. */
  signal: AbortSignal;
  /** A steady clock in ms. Default: `performance.now`. */
  now?: () => number;
}

/**
 * The time table of one answer. Each token's time is counted from the start, not from the token
 * before it, so lateness never adds up.
 */
export class Pace {
  readonly #options: PaceOptions;
  readonly #now: () => number;
  readonly #firstAt: number;
  readonly #gapMs: number;

  /** The answer starts now. */
  constructor(options: PaceOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#gapMs = options.tokensPerSecond > 0 ? 1000 / options.tokensPerSecond : 0;
    const share = options.jitter * (2 * options.random() - 1);
    this.#firstAt = this.#now() + options.timeToFirstTokenMs * (1 + share);
  }

  /** Waits until token `index` (from 0) is due; returns at once if it is already. */
  async until(index: number): Promise<void> {
    // A token's own jitter delays it by less than one gap, so tokens stay in order.
    const late = index === 0 ? 0 : this.#gapMs * this.#options.jitter * this.#options.random();
    const due = this.#firstAt + index * this.#gapMs + late;
    const { signal } = this.#options;
    signal.throwIfAborted();
    for (let left = due - this.#now(); left > 0; left = due - this.#now()) {
      await pause(Math.ceil(left), signal);
    }
  }
}

/** Waits `ms`, or rejects with the signal's reason as soon as it is aborted; leaves no timer. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", leave);
      resolve();
    }, ms);
    function leave(): void {
      clearTimeout(timer);
      reject(signal.reason);
    }
    signal.addEventListener("abort", leave, { once: true });
  });
}

/** Waits for ever, that is until the signal is aborted, then rejects with its reason. */
export function stall(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
