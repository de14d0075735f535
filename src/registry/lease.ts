import type { Outcome } from "../outcome.ts";
import type { Backend } from "./backend.ts";
import type { Choice, Policy } from "./choice.ts";
import type { ExchangeFacts } from "./gate.ts";

export interface LeaseOptions {
  /** A monotonic clock, milliseconds. */
  now: () => number;
  /** Who chose, to be told how it went. */
  policy?: Policy;
}

/**
 * One call's place on one backend, from the pick until the body has ended: waiting for its first byte,
 * begun, settled. While it waits, the backend can give it back.
 */
export class Lease {
  readonly backend: Backend;
  /** Why this backend was chosen. */
  readonly why: string;
  /** When it began, on the clock it was made with. */
  readonly startedAt: number;
  /** Whether the backend gave it back. */
  revoked = false;
  /** Told once if the backend gives it back. */
  onRevoked: (() => void) | undefined;
  readonly #options: LeaseOptions;
  #timeToFirstByte: number | undefined;
  #settled = false;

  constructor({ backend, why }: Choice, options: LeaseOptions) {
    this.backend = backend;
    this.why = why;
    this.#options = options;
    this.startedAt = options.now();
    backend.load.begin();
    backend.waiting.add(this);
    backend.stats.begin();
    backend.gate.begin();
  }

  /** The first byte of the answer's body is here: from now on only the call itself can end it. */
  begin(): void {
    if (this.#settled || this.#timeToFirstByte !== undefined) return;
    this.backend.waiting.delete(this);
    this.#timeToFirstByte = (this.#options.now() - this.startedAt) / 1000;
    this.#options.policy?.learned?.(this, { timeToFirstByte: this.#timeToFirstByte });
  }

  /** The backend will not answer it. Whoever holds it decides what that means. */
  revoke(): void {
    if (!this.backend.waiting.delete(this)) return;
    this.revoked = true;
    this.onRevoked?.();
  }

  /** Gives the place back and counts how it went. Only the first call does anything. */
  settle(outcome: Outcome, facts: ExchangeFacts = {}): void {
    if (this.#settled) return;
    this.#settled = true;
    const { backend } = this;
    backend.waiting.delete(this);
    backend.load.end();
    backend.stats.end(outcome, (this.#options.now() - this.startedAt) / 1000);
    const all = this.#timeToFirstByte === undefined
      ? facts
      : { ...facts, timeToFirstByte: this.#timeToFirstByte };
    backend.gate.record(outcome, all);
    this.#options.policy?.learned?.(this, all);
    backend.onChange?.();
  }
}
