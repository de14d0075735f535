import { RecentCount } from "../recent_count.ts";

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
  readonly #calls: RecentCount;
  readonly #retries: RecentCount;

  constructor(options: SharedBudgetOptions) {
    this.#options = options;
    this.#calls = new RecentCount(WINDOW_SECONDS, options.now);
    this.#retries = new RecentCount(WINDOW_SECONDS, options.now);
  }

  call(): void {
    this.#calls.add();
  }

  take(reason: RetryReason): number | undefined {
    const { share, minPerSecond, random } = this.#options;
    const allowed = this.#retries.inThisSecond < minPerSecond ||
      this.#retries.total < share * this.#calls.total;
    if (!allowed) return undefined;
    this.#retries.add();
    return reason === "busy" ? LEAST_WAIT_MS + random() * (MOST_WAIT_MS - LEAST_WAIT_MS) : 0;
  }
}
