import type { Outcome } from "../outcome.ts";
import type { Backend } from "./backend.ts";
import type { Choice, PickKeys, Policy } from "./choice.ts";
import type { ExchangeFacts } from "./gate.ts";

export interface LeaseOptions {
  /** A monotonic clock, milliseconds; who has just read it says what it said. */
  now: () => number;
  at?: number;
  /** Who chose, to be told how it went. */
  policy?: Policy;
  /** What the call is. */
  keys?: Pick<PickKeys, "bodyBytes" | "stream">;
  /** Whether its call may have killed another backend. */
  suspect?: boolean;
}

const NO_FACTS: ExchangeFacts = {};

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
  /** The size of the call's body. */
  readonly bodyBytes: number;
  /** Whether the call asked for an event stream. */
  readonly streamed: boolean;
  /** Whether the backend gave it back: `fell`, as it cannot answer, or `hung`, as it seems to answer nobody. */
  revoked: false | "fell" | "hung" = false;
  /** Told once if the backend gives it back. */
  onRevoked: (() => void) | undefined;
  readonly #options: LeaseOptions;
  #timeToFirstByte: number | undefined;
  #settled = false;
  /** Whether it is to show that its backend is well again. */
  readonly #trial: boolean;
  #suspect: boolean;

  constructor({ backend, why }: Choice, options: LeaseOptions) {
    this.backend = backend;
    this.why = why;
    this.#options = options;
    this.startedAt = options.at ?? options.now();
    this.bodyBytes = options.keys?.bodyBytes ?? 0;
    this.streamed = options.keys?.stream ?? false;
    this.#suspect = options.suspect ?? false;
    if (this.#suspect) backend.suspects++;
    backend.load.begin();
    backend.waiting.add(this);
    backend.stats.begin();
    this.#trial = backend.gate.begin() === true;
  }

  /** The first byte of an answer with that status is here: from now on only the call itself can end it. */
  begin(at: number = this.#options.now(), status = 200): void {
    if (this.#settled || this.#timeToFirstByte !== undefined) return;
    this.backend.waiting.delete(this);
    this.acquit();
    this.#timeToFirstByte = (at - this.startedAt) / 1000;
    this.#options.policy?.learned?.(this, { timeToFirstByte: this.#timeToFirstByte });
    if (this.#trial) this.backend.gate.answered?.(status);
  }

  /** The backend has lived on with it: another suspect may come. */
  acquit(): void {
    if (!this.#suspect) return;
    this.#suspect = false;
    this.backend.suspects--;
    this.backend.onChange?.();
  }

  /** The backend will not answer it. Whoever holds it decides what that means. */
  revoke(why: "fell" | "hung" = "fell"): void {
    if (!this.backend.waiting.delete(this)) return;
    this.revoked = why;
    this.onRevoked?.();
  }

  /** Gives the place back and counts how it went. Only the first call does anything. */
  settle(
    outcome: Outcome,
    { facts = NO_FACTS, at = this.#options.now() }: { facts?: ExchangeFacts; at?: number } = {},
  ): void {
    if (this.#settled) return;
    this.#settled = true;
    const { backend } = this;
    backend.waiting.delete(this);
    if (this.#suspect) backend.suspects--;
    this.#suspect = false;
    backend.load.end();
    backend.stats.end(outcome, (at - this.startedAt) / 1000);
    const timeToFirstByte = this.#timeToFirstByte;
    const all = timeToFirstByte === undefined
      ? facts
      : facts === NO_FACTS
      ? { timeToFirstByte }
      : { ...facts, timeToFirstByte };
    backend.gate.record(outcome, this.#trial ? { ...all, trial: true } : all);
    this.#options.policy?.learned?.(this, all);
    backend.onChange?.();
  }
}
