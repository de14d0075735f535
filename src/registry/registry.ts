import type { Backend } from "./backend.ts";
import { Lease } from "./lease.ts";

/** Chooses one of the candidates, which are never none and all available. Synchronous, no I/O. */
export type Choose = (candidates: readonly Backend[]) => Backend;

export interface AcquireOptions {
  choose: Choose;
  /** Backends that have already had this call. */
  excluded?: ReadonlySet<Backend>;
}

/** A model as `/models` shows it. */
export interface ModelEntry {
  readonly id: string;
  /** When it was first seen, Unix seconds. */
  readonly created: number;
}

/** Why a model has no backend to give. */
export type Shortage = "unknown_model" | "unhealthy" | "full";

/** Who exists, what they serve and how busy they are. */
export class Registry {
  readonly #now: () => number;
  #backends: readonly Backend[] = [];

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** In the order of the configuration. */
  get backends(): readonly Backend[] {
    return this.#backends;
  }

  /** Replaces the set of backends. */
  apply(backends: readonly Backend[]): void {
    this.#backends = backends;
  }

  /** Picks an available backend that serves `model` and counts the call on it, in the same tick. */
  acquire(model: string, { choose, excluded }: AcquireOptions): Lease | undefined {
    const candidates = this.#backends.filter((backend) =>
      backend.available && backend.serves(model) && !excluded?.has(backend)
    );
    return candidates.length === 0 ? undefined : new Lease(choose(candidates), this.#now);
  }

  /** Why `acquire` gives nothing for this model. */
  shortage(model: string): Shortage {
    const serving = this.#backends.filter((backend) => backend.serves(model));
    if (serving.length === 0) return "unknown_model";
    return serving.some((backend) => backend.healthy && backend.weight > 0) ? "full" : "unhealthy";
  }

  /** Whether some backend has not yet said what it serves. */
  get modelsPending(): boolean {
    return this.#backends.some((backend) => backend.models === undefined);
  }

  /** Every model that some backend, well or not, has said it serves. */
  get knownModels(): ReadonlySet<string> {
    return new Set(this.#backends.flatMap((backend) => backend.models ?? []));
  }

  /** The union over healthy backends, sorted by id. */
  models(): ModelEntry[] {
    const ids = new Set(
      this.#backends.flatMap((backend) => backend.healthy ? backend.models ?? [] : []),
    );
    return [...ids].sort().map((id) => ({ id, created: this.#created(id) }));
  }

  #created(id: string): number {
    return Math.min(...this.#backends.map((backend) => backend.firstSeen.get(id) ?? Infinity));
  }
}
