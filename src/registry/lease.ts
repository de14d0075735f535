import type { Outcome } from "../outcome.ts";
import type { Backend } from "./backend.ts";

/** One call's place on one backend, from the pick until the body has ended. */
export class Lease {
  readonly backend: Backend;
  readonly #now: () => number;
  readonly #startedAt: number;
  #settled = false;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(backend: Backend, now: () => number) {
    this.backend = backend;
    this.#now = now;
    this.#startedAt = now();
    backend.inFlight++;
    backend.stats.begin();
  }

  /** Gives the place back and counts how it went. Only the first call does anything. */
  settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.backend.inFlight--;
    this.backend.stats.end(outcome, (this.#now() - this.#startedAt) / 1000);
    this.backend.gate.record(outcome);
  }
}
