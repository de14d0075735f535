/** Says whether a call may be sent again, and when. */
export interface RetryBudget {
  /** Milliseconds to wait before the next attempt, or undefined if there is to be none. */
  take(): number | undefined;
}

/** What a call alone may do is bounded by `retry.attempts`; what all do together, by nothing yet. */
export const UNLIMITED: RetryBudget = { take: () => 0 };
