import type { Outcome } from "../outcome.ts";
import type { Admission, ExchangeFacts, Gate, Observed } from "../registry/gate.ts";

/**
 * What one check found: `good` is a 2xx; `unavailable` an answered 503, the engine's own word that
 * it cannot serve; `local` that this process could not ask; `miss` everything else, silence included,
 * which may be a busy engine's fault.
 */
export type CheckResult =
  | {
    readonly kind: "good";
    /** Why it is not known what the backend serves, if it is not. */
    readonly noModels?: string;
  }
  | {
    readonly kind: "unavailable";
    readonly reason: string;
    /** Whether it is silence that says so. */
    readonly silent?: boolean;
  }
  | {
    readonly kind: "miss";
    readonly reason: string;
    /** Whether nothing came in time. */
    readonly silent?: boolean;
  }
  | { readonly kind: "local"; readonly reason: string };

/** What a change consists of. */
export interface ChangeFacts {
  /** Whether `healthy` is another than before, or known for the first time. */
  readonly flipped: boolean;
  /** Whether checks have shut the gate. */
  readonly fell: boolean;
  /** Whether silence has: it may only hang, and what it has been asked is not what it died of. */
  readonly silent: boolean;
}

export interface HealthGateOptions {
  /** Misses in a row that take a healthy backend out. */
  unhealthyAfter: number;
  /** Good checks in a row that bring it back. */
  healthyAfter: number;
  /** Told of the first verdict, of every change and of each new cause. */
  onChange: (observed: Observed, facts: ChangeFacts) => void;
  /** Asks for a check at once. */
  recheck: () => void;
  /** Wall clock, milliseconds since 1970. */
  wallNow?: () => number;
}

/**
 * - `down`: what checks say, at first and after they failed;
 * - `suspect`: checks have not failed, but a call was refused, or all calls have been silent for long;
 * - `up`.
 */
type State =
  | { readonly kind: "up"; readonly misses: number }
  | { readonly kind: "suspect"; readonly misses: number; readonly goods: number }
  | { readonly kind: "down"; readonly goods: number };

/** One backend's health: down until its first good check. */
export class HealthGate implements Gate {
  readonly #options: HealthGateOptions;
  #state: State = { kind: "down", goods: 0 };
  #observed: Observed = { healthy: false, cause: "", since: undefined };

  constructor(options: HealthGateOptions) {
    this.#options = options;
  }

  get observed(): Observed {
    return this.#observed;
  }

  /** A refused call takes nobody out for whom there is no other: established connections may work. */
  admits(_now: number): Admission {
    const { kind } = this.#state;
    return kind === "up" ? "open" : kind === "suspect" ? "last_resort" : "shut";
  }

  begin(): void {}

  checked(result: CheckResult): void {
    if (result.kind === "local") return; // says nothing about the backend
    const state = this.#state;
    const { unhealthyAfter, healthyAfter } = this.#options;
    if (result.kind === "good") {
      const cause = result.noModels ?? "";
      const goods = state.kind === "up" ? healthyAfter : state.goods + 1;
      if (goods >= healthyAfter) this.#become({ kind: "up", misses: 0 }, cause);
      else this.#become({ ...state, goods } as State, this.#observed.cause);
      return;
    }
    const misses = state.kind === "down" ? Infinity : state.misses + 1;
    if (result.kind === "unavailable" || misses >= unhealthyAfter) {
      this.#become({ kind: "down", goods: 0 }, result.reason, result.silent);
    } else if (state.kind === "suspect") {
      this.#become({ kind: "suspect", misses, goods: 0 }, this.#observed.cause);
    } else {
      this.#become({ kind: "up", misses }, this.#observed.cause);
    }
  }

  /**
   * A refused connection on real traffic is as good as a failed check, and quicker. One that did not come
   * in time may be the network's fault, or a full queue's: it is only looked into.
   */
  record(outcome: Outcome, { reason }: ExchangeFacts): void {
    const state = this.#state;
    const late = outcome.kind === "timed_out" && outcome.phase === "connect";
    if (!(outcome.kind === "refused" || late) || state.kind !== "up") return;
    if (!late) {
      const cause = `a call could not connect: ${reason ?? "refused"}`;
      this.#become({ kind: "suspect", misses: state.misses, goods: 0 }, cause);
    }
    this.#options.recheck();
  }

  /** It looks as if it had ceased to answer: whoever has a choice goes elsewhere while that is looked into. */
  doubt(cause: string): void {
    const state = this.#state;
    if (state.kind === "up") {
      this.#become({ kind: "suspect", misses: state.misses, goods: 0 }, cause);
    }
    this.#options.recheck();
  }

  #become(state: State, cause: string, silent = false): void {
    const fell = state.kind === "down" && this.#state.kind !== "down";
    this.#state = state;
    const healthy = state.kind === "up";
    const { since } = this.#observed;
    // Good checks that are not enough yet are no verdict.
    const flipped = healthy !== this.#observed.healthy || (since === undefined && cause !== "");
    if (!flipped && !fell && cause === this.#observed.cause) return;
    const { wallNow = Date.now } = this.#options;
    this.#observed = { healthy, cause, since: flipped ? wallNow() : since };
    this.#options.onChange(this.#observed, { flipped, fell, silent });
  }
}
