/** Why a call is to be sent again: `busy`, because a backend had no time for it. */
export type RetryReason = "busy" | "other";

/** Says whether a call that an engine has read may be sent again, and when. */
export interface RetryBudget {
  /** A call begins. */
  call(): void;
  /** Milliseconds to wait before the next attempt, or undefined if there is to be none. */
  take(reason: RetryReason): number | undefined;
}

export interface SharedBudgetOptions {
  /** Of the calls of 10 s, so large a share may be sent again. */
  readonly share: number;
  /** So many may be in each second, whatever the share. */
  readonly minPerSecond: number;
  /** A monotonic clock, milliseconds. */
  readonly now: () => number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

const WINDOW_SECONDS = 10;

/** Between attempts on busy backends, milliseconds: all of it is left to chance, so that no two calls go in step. */
const LEAST_WAIT_MS = 25;
const MOST_WAIT_MS = 250;

/**
 * What all calls together may be sent again: when everything fails, attempts must not multiply what engines that
 * are coming back have to bear.
 */
export class SharedBudget implements RetryBudget {
  readonly #options: SharedBudgetOptions;
  /** By second. */
  readonly #calls = new Uint32Array(WINDOW_SECONDS);
  readonly #retries = new Uint32Array(WINDOW_SECONDS);
  #second = 0;

  constructor(options: SharedBudgetOptions) {
    this.#options = options;
  }

  call(): void {
    const at = this.#advance();
    this.#calls[at]! += 1;
  }

  take(reason: RetryReason): number | undefined {
    const { share, minPerSecond, random } = this.#options;
    const at = this.#advance();
    const allowed = this.#retries[at]! < minPerSecond ||
      sum(this.#retries) < share * sum(this.#calls);
    if (!allowed) return undefined;
    this.#retries[at]! += 1;
    return reason === "busy" ? LEAST_WAIT_MS + random() * (MOST_WAIT_MS - LEAST_WAIT_MS) : 0;
  }

  /** The place of the present second, those of past ones emptied. */
  #advance(): number {
    const second = Math.floor(this.#options.now() / 1000);
    const first = Math.max(this.#second + 1, second - WINDOW_SECONDS + 1);
    for (let passed = first; passed <= second; passed++) {
      this.#calls[passed % WINDOW_SECONDS] = 0;
      this.#retries[passed % WINDOW_SECONDS] = 0;
    }
    this.#second = second;
    return second % WINDOW_SECONDS;
  }
}

function sum(counts: Uint32Array): number {
  let all = 0;
  for (const count of counts) all += count;
  return all;
}
