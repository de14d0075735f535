import type { Backend } from "./backend.ts";
import type { ExchangeFacts } from "./gate.ts";
import type { Lease } from "./lease.ts";

/** What a policy may know of a call. */
export interface PickKeys {
  readonly model: string;
  /** The size of its body. */
  readonly bodyBytes: number;
  /** Whether an event stream was asked for. */
  readonly stream: boolean;
}

/** Who is to have a call, and in a word why. */
export interface Choice {
  readonly backend: Backend;
  readonly why: string;
}

/**
 * Chooses among the backends of one model. Implemented in `policy/`. It may keep a cursor or an index,
 * never counts of its own: load is kept by leases.
 */
export interface Policy {
  /**
   * Synchronous, no I/O. The candidates are in the configuration's order; those that are `full` are
   * among them, and at least one is not. Choosing a full one says that the call is to wait for it.
   */
  choose(candidates: readonly Backend[], keys: PickKeys, now: number): Choice;
  /** Told when a call that it placed has its first byte, and when it has ended. */
  learned?(lease: Lease, facts: ExchangeFacts): void;
}
