import type { Outcome } from "../outcome.ts";
import type { Gate } from "../registry/backend.ts";

/**
 * What one check found: `good` is a 2xx; `unavailable` an answered 503, the engine's own word that
 * it cannot serve; `miss` everything else, silence included, which may be a busy engine's fault.
 */
export type CheckResult =
  | { readonly kind: "good" }
  | { readonly kind: "unavailable"; readonly reason: string }
  | { readonly kind: "miss"; readonly reason: string };

export interface HealthGateOptions {
  /** Misses in a row that take a healthy backend out. */
  unhealthyAfter: number;
  /** Good checks in a row that bring it back. */
  healthyAfter: number;
  /** Told of every change, with the cause on the way down. */
  onFlip: (healthy: boolean, cause: string) => void;
  /** Asks for a check at once. */
  recheck: () => void;
}

type State =
  | { readonly kind: "up"; readonly misses: number }
  | { readonly kind: "down"; readonly goods: number };

/** One backend's health: down until its first good check. */
export class HealthGate implements Gate {
  readonly #options: HealthGateOptions;
  #state: State = { kind: "down", goods: 0 };

  constructor(options: HealthGateOptions) {
    this.#options = options;
  }

  get healthy(): boolean {
    return this.#state.kind === "up";
  }

  checked(result: CheckResult): void {
    const state = this.#state;
    if (result.kind === "good") {
      if (state.kind === "up") this.#state = { kind: "up", misses: 0 };
      else if (state.goods + 1 >= this.#options.healthyAfter) this.#rise();
      else this.#state = { kind: "down", goods: state.goods + 1 };
    } else if (state.kind === "down") {
      this.#state = { kind: "down", goods: 0 };
    } else if (result.kind === "unavailable" || state.misses + 1 >= this.#options.unhealthyAfter) {
      this.#fall(result.reason);
    } else {
      this.#state = { kind: "up", misses: state.misses + 1 };
    }
  }

  /** A refused connection on real traffic is as good as a failed check, and quicker. */
  record(outcome: Outcome): void {
    if (outcome.kind !== "refused" || this.#state.kind === "down") return;
    this.#fall("a call could not connect");
    this.#options.recheck();
  }

  #rise(): void {
    this.#state = { kind: "up", misses: 0 };
    this.#options.onFlip(true, "");
  }

  #fall(cause: string): void {
    this.#state = { kind: "down", goods: 0 };
    this.#options.onFlip(false, cause);
  }
}
