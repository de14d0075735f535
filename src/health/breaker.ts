import { isFailure, type Outcome } from "../outcome.ts";
import { RecentCount } from "../recent_count.ts";
import type { Admission, ExchangeFacts, Gate, Observed } from "../registry/gate.ts";

export interface BreakerOptions {
  /** So many failures in a row open it. */
  readonly failures: number;
  /** So large a share of failures among recent calls opens it, 0 to 1. */
  readonly share: number;
  /** How long it is open the first time, milliseconds; the second time twice as long, and so on. */
  readonly baseMs: number;
  /** How long at most. */
  readonly maxMs: number;
  /** A monotonic clock, milliseconds. */
  readonly now: () => number;
  /** Wall clock, milliseconds since 1970. */
  readonly wallNow?: () => number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Told when it opens, and when a trial has closed it. */
  readonly onChange?: (open: boolean, cause: string) => void;
}

/** What calls are recent. */
const WINDOW_SECONDS = 30;

/** Beyond so many recent calls their share of failures says something. */
const ENOUGH_CALLS = 20;

/** How far from its length an ejection may be, so that many routers do not try at once. */
const JITTER = 0.1;

/** A backend that says when to come back is left alone for so long at most, milliseconds. */
const MAX_REST_MS = 30_000;

type State =
  | { readonly kind: "closed" }
  /** `early`: a good check may end it before its time; not if a trial has failed since. */
  | { readonly kind: "open"; readonly until: number; readonly early: boolean }
  /** Exactly one call may show whether the backend is well. */
  | { readonly kind: "half_open"; readonly trial: boolean };

/**
 * Takes a backend out of the choice for what its calls say, whatever its checks say; `inner` is what checks say.
 * Only as far as there are others: the last backend of a model keeps its traffic (`last_resort`).
 */
export class Breaker implements Gate {
  readonly #inner: Gate;
  readonly #options: BreakerOptions;
  readonly #calls: RecentCount;
  readonly #failures: RecentCount;
  #state: State = { kind: "closed" };
  #ejected: { readonly cause: string; readonly since: number } | undefined;
  /** Until when it has asked to be left alone. */
  #restsUntil = -Infinity;
  #inARow = 0;
  /** How often it has opened of late. */
  #times = 0;
  /** How long the last ejection was, and when it ended. */
  #lastMs = 0;
  #closedAt = 0;

  constructor(inner: Gate, options: BreakerOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#calls = new RecentCount(WINDOW_SECONDS, options.now);
    this.#failures = new RecentCount(WINDOW_SECONDS, options.now);
  }

  get observed(): Observed {
    return this.#inner.observed;
  }

  get ejected(): { cause: string; since: number } | undefined {
    return this.#ejected;
  }

  admits(now: number): Admission {
    const admission = this.#inner.admits(now);
    if (admission !== "open") return admission;
    if (now < this.#restsUntil) return "last_resort";
    const state = this.#state;
    if (state.kind === "closed") return "open";
    if (state.kind === "open" && now >= state.until) {
      this.#state = { kind: "half_open", trial: false };
    }
    return this.#state.kind === "half_open" && !this.#state.trial ? "open" : "last_resort";
  }

  begin(): boolean {
    this.#inner.begin();
    const isTrial = this.#state.kind === "half_open" && !this.#state.trial;
    if (isTrial) this.#state = { kind: "half_open", trial: true };
    return isTrial;
  }

  /** A trial need not end to show that the backend is well. */
  answered(status: number): void {
    if (this.#state.kind === "half_open" && status < 500) this.#close();
  }

  record(outcome: Outcome, facts: ExchangeFacts): void {
    this.#inner.record(outcome, facts);
    const { comesBackMs } = facts;
    if (comesBackMs !== undefined) {
      // Its own word on when it has time again is no failure.
      const rest = Math.min(comesBackMs, MAX_REST_MS);
      this.#restsUntil = Math.max(this.#restsUntil, this.#options.now() + rest);
      if (facts.trial) this.#tryAnother();
      return;
    }
    // What began before says nothing about now.
    if (this.#state.kind === "half_open" && facts.trial !== true) return;
    const failed = isFailure(outcome);
    if (!failed && outcome.kind !== "completed") {
      if (facts.trial) this.#tryAnother(); // it says nothing
      return;
    }
    this.#calls.add();
    if (failed) this.#failures.add();
    this.#inARow = failed ? this.#inARow + 1 : 0;
    if (failed) this.#failed(outcome);
    else if (this.#state.kind === "half_open") this.#close();
  }

  /** A good check: one good call may end an ejection before its time. */
  checkedGood(): void {
    if (this.#state.kind === "open" && this.#state.early) this.#tryNow();
  }

  /** It is well by its checks, after it was not: what calls said before may be of an engine that is gone. */
  restarted(): void {
    if (this.#state.kind === "open") this.#tryNow();
  }

  #tryNow(): void {
    this.#state = { kind: "half_open", trial: false };
  }

  /** The next one is the trial. */
  #tryAnother(): void {
    if (this.#state.kind === "half_open") this.#tryNow();
  }

  #failed(outcome: Outcome): void {
    const { failures, share } = this.#options;
    if (this.#state.kind === "half_open") {
      return this.#open(`its trial failed (${wordOf(outcome)})`);
    }
    if (this.#state.kind === "open") return; // a last resort's call, or one that began before
    if (this.#inARow >= failures) {
      return this.#open(`${this.#inARow} calls in a row failed (${wordOf(outcome)})`);
    }
    const [calls, failed] = [this.#calls.total, this.#failures.total];
    if (calls >= ENOUGH_CALLS && failed / calls > share) {
      this.#open(`${failed} of ${calls} recent calls failed`);
    }
  }

  #open(cause: string): void {
    const { baseMs, maxMs, now, wallNow = Date.now, random, onChange } = this.#options;
    const at = now();
    // What was long ago is forgotten.
    if (this.#state.kind === "closed" && at - this.#closedAt >= this.#lastMs) this.#times = 0;
    this.#times++;
    this.#lastMs = Math.min(baseMs * this.#times, maxMs);
    const until = at + this.#lastMs * (1 + JITTER * (2 * random() - 1));
    this.#state = { kind: "open", until, early: this.#state.kind === "closed" };
    this.#ejected = { cause, since: this.#ejected?.since ?? wallNow() };
    onChange?.(true, cause);
  }

  #close(): void {
    this.#state = { kind: "closed" };
    this.#ejected = undefined;
    this.#closedAt = this.#options.now();
    this.#calls.clear();
    this.#failures.clear();
    this.#options.onChange?.(false, "");
  }
}

function wordOf(outcome: Outcome): string {
  return outcome.kind === "completed" ? String(outcome.status) : outcome.kind;
}
