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

export interface SharedBudgetSettings {
  /** Of the calls of 10 s, so large a share may be sent again. */
  readonly share: number;
  /** So many may be in each second, whatever the share. */
  readonly minPerSecond: number;
}

export interface SharedBudgetOptions extends SharedBudgetSettings {
  /** A monotonic clock, milliseconds. */
  readonly now: () => number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

const WINDOW_SECONDS = 10;

/** Between attempts on busy backends, milliseconds: all of it is left to chance, so that no two calls go in step. */
const LEAST_WAIT_MS = 25;
const MOST_WAIT_MS = 250;

/** A call whose backend fell waits for so long, milliseconds, until the least that may be sent again is its turn. */
const PATIENCE_MS = 5000;

/**
 * What all calls together may be sent again: when everything fails, attempts must not multiply what engines that
 * are coming back have to bear. Few calls that lose a backend at once, as long ones do, go one after the other.
 */
export class SharedBudget implements RetryBudget {
  #options: SharedBudgetOptions;
  readonly #calls: RecentCount;
  readonly #retries: RecentCount;
  /** When the least that may be in each second is used up to, milliseconds. */
  #usedUntil = -Infinity;

  constructor(options: SharedBudgetOptions) {
    this.#options = options;
    this.#calls = new RecentCount(WINDOW_SECONDS, options.now);
    this.#retries = new RecentCount(WINDOW_SECONDS, options.now);
  }

  /** Takes other settings; what has been used stays used. */
  configure(settings: SharedBudgetSettings): void {
    this.#options = { ...this.#options, ...settings };
  }

  call(): void {
    this.#calls.add();
  }

  take(reason: RetryReason): number | undefined {
    const { share, random } = this.#options;
    const wait = this.#retries.total < share * this.#calls.total
      ? 0
      : this.#turn(reason === "busy" ? 0 : PATIENCE_MS);
    if (wait === undefined) return undefined;
    this.#retries.add();
    return reason === "busy" ? LEAST_WAIT_MS + random() * (MOST_WAIT_MS - LEAST_WAIT_MS) : wait;
  }

  /** A turn among the least of each second: how long until then, if it is not longer than that. */
  #turn(mostMs: number): number | undefined {
    const { minPerSecond, now } = this.#options;
    const at = now();
    const each = 1000 / minPerSecond;
    const from = Math.max(this.#usedUntil, at - 1000); // a second's worth may be used at once
    const wait = Math.max(0, Math.round(from + each - at));
    if (!(wait <= mostMs)) return undefined;
    this.#usedUntil = from + each;
    return wait;
  }
}
