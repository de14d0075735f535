import type { Outcome } from "../outcome.ts";

/** What its checks and its calls say of a backend. */
export interface Observed {
  /** False until the first good check. */
  readonly healthy: boolean;
  /** Why it is not, or what else is wrong; empty if nothing is. */
  readonly cause: string;
  /** When `healthy` became what it is, milliseconds since 1970; undefined before the first check. */
  readonly since: number | undefined;
}

/**
 * Whether a backend may have a new call. `last_resort`: only if there is nobody else; what calls alone
 * say against a backend never takes the last one of a model out.
 */
export type Admission = "open" | "last_resort" | "shut";

/** What else is known of an exchange that has ended. */
export interface ExchangeFacts {
  /** What the connection said when it failed. */
  readonly reason?: string;
  /** Whether it failed on a connection that had served others before. */
  readonly reused?: boolean;
  /** When it said that it may be asked again, milliseconds from now. */
  readonly comesBackMs?: number;
  /** Whether it was a trial. */
  readonly trial?: boolean;
  /** Seconds from the pick to the first byte of the body; undefined if none came. */
  readonly timeToFirstByte?: number | undefined;
}

/** What decides who is let in. Implemented in `health/`, so that the registry needs no import. */
export interface Gate {
  readonly observed: Observed;
  /** Why calls alone say that it is not well, and since when, milliseconds since 1970; if they do. */
  readonly ejected?: { readonly cause: string; readonly since: number } | undefined;
  /** `now` is a monotonic clock in milliseconds. */
  admits(now: number): Admission;
  /** A call has been given a place. Whether it is a trial: a gate that admits exactly one is shut from now on. */
  begin(): boolean | void;
  /** Told of the first byte of a trial's answer, which had that status. */
  answered?(status: number): void;
  /** Told of every exchange on real traffic when it has ended. */
  record(outcome: Outcome, facts: ExchangeFacts): void;
}
