import type { Backend } from "./backend.ts";
import type { PickKeys, Policy } from "./choice.ts";
import { Lease } from "./lease.ts";
import { agreed, type ModelCard } from "./model_card.ts";

export interface AcquireOptions {
  policy: Policy;
  /** Backends that have already had this call. */
  excluded?: ReadonlySet<Backend>;
  /** Whether a backend's engine can have it at all. Default: each can. */
  fits?: (backend: Backend) => boolean;
  /** Whether a backend died of it, maybe: then it is the only such call at the next, until that has answered. */
  suspect?: boolean;
}

/** A model as `/models` shows it. */
export interface ModelEntry {
  readonly id: string;
  /** When it was first seen, Unix seconds. */
  readonly created: number;
  /** What all healthy backends that serve it, and say anything of it, say alike. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Why there is no place for a call: `unfit`, because no engine of the model can have it; `tried`, because all
 * that could take it have had it.
 */
export type Shortage = "unknown_model" | "unfit" | "unhealthy" | "full" | "tried";

/** Who exists, what they serve and how busy they are. */
export class Registry {
  readonly #now: () => number;
  #backends: readonly Backend[] = [];
  /** Who waits for a place, by model. */
  readonly #listeners = new Map<string, Set<() => void>>();

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** In the order of the configuration. */
  get backends(): readonly Backend[] {
    return this.#backends;
  }

  /** Replaces the set of backends; what leases of those that are gone hold stays theirs. */
  apply(backends: readonly Backend[]): void {
    this.#backends = backends;
    for (const backend of backends) {
      backend.onChange = () => this.#changed(backend);
      backend.onModels = () => this.#tellAll();
    }
    this.#tellAll();
  }

  #tellAll(): void {
    for (const model of [...this.#listeners.keys()]) this.#tell(model);
  }

  /**
   * Has the policy pick a backend that serves the model, and counts the call on it in the same tick; or
   * says why there is none, from the same look. Backends that are let in as a last resort are candidates
   * only if there are no others: nobody is admitted is decided here, for all gates.
   */
  acquire(
    keys: PickKeys,
    { policy, excluded, fits, suspect = false }: AcquireOptions,
  ): Lease | Shortage {
    const now = this.#now();
    let candidates = this.#candidates(keys.model, { excluded, fits, now });
    if (typeof candidates === "string") return candidates;
    if (suspect) {
      // Of two, it would not be known which killed it.
      candidates = candidates.filter(({ suspects }) => suspects === 0);
      if (candidates.length === 0) return "full";
    }
    const options = { now: this.#now, at: now, policy, keys, suspect };
    if (allFull(candidates)) {
      const backend = roomiest(candidates);
      return backend === undefined ? "full" : new Lease({ backend, why: "slow_start" }, options);
    }
    const choice = policy.choose(candidates, keys, now);
    return choice.backend.full ? "full" : new Lease(choice, options);
  }

  /** Whether there is a backend, full or not, that could have a call. */
  offers(
    { model }: Pick<PickKeys, "model">,
    { excluded, fits }: Pick<AcquireOptions, "excluded" | "fits">,
  ): boolean {
    return typeof this.#candidates(model, { excluded, fits, now: this.#now() }) !== "string";
  }

  /** Whether a backend of the model may have one call more. */
  hasRoom(model: string): boolean {
    const now = this.#now();
    return this.#backends.some((backend) =>
      !backend.atLimit && backend.wanted && backend.serves(model) &&
      backend.gate.admits(now) !== "shut"
    );
  }

  #candidates(
    model: string,
    { excluded, fits, now }: Pick<AcquireOptions, "excluded" | "fits"> & { now: number },
  ): readonly Backend[] | Shortage {
    const open: Backend[] = [];
    let spare: Backend[] | undefined;
    let serving = false;
    let fitting = false;
    let tried = false;
    for (const backend of this.#backends) {
      if (!backend.serves(model)) continue;
      serving = true;
      backend.look(now);
      if (fits !== undefined && !fits(backend)) continue;
      fitting = true;
      if (!backend.wanted) continue;
      const admission = backend.gate.admits(now);
      if (admission === "shut") continue;
      if (excluded?.has(backend)) tried = true;
      else if (admission === "open") open.push(backend);
      else (spare ??= []).push(backend);
    }
    const candidates = open.length > 0 ? open : spare;
    if (candidates === undefined) {
      if (!serving) return "unknown_model";
      if (!fitting) return "unfit";
      return tried ? "tried" : "unhealthy";
    }
    return candidates;
  }

  /**
   * Calls `listener` whenever a backend of this model may have got room: a call on it has ended, or the
   * backend has changed. Returns what ends that.
   */
  onChange(model: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(model) ?? new Set();
    this.#listeners.set(model, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(model) === listeners) {
        this.#listeners.delete(model);
      }
    };
  }

  #changed(backend: Backend): void {
    if (this.#listeners.size === 0) return;
    const models = [...this.#listeners.keys()].filter((model) => backend.serves(model));
    for (const model of models) this.#tell(model);
    const [first] = models;
    const listeners = first === undefined ? undefined : this.#listeners.get(first);
    if (models.length < 2 || listeners === undefined) return;
    // Models whose calls wait for the same backend are told first in turn.
    this.#listeners.delete(first!);
    this.#listeners.set(first!, listeners);
  }

  #tell(model: string): void {
    for (const listener of [...this.#listeners.get(model) ?? []]) listener();
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
    return [...ids].sort().map((id) => ({
      id,
      created: this.#created(id),
      fields: agreed(this.#cards(id)),
    }));
  }

  #cards(id: string): ModelCard[] {
    return this.#backends.flatMap((backend) => backend.healthy && backend.card(id) || []);
  }

  #created(id: string): number {
    return Math.min(...this.#backends.map((backend) => backend.firstSeen.get(id) ?? Infinity));
  }
}

/** Where nobody has room, one that is only coming back takes more than it would have at first. */
function roomiest(backends: readonly Backend[]): Backend | undefined {
  let best: Backend | undefined;
  for (const backend of backends) {
    if (!backend.atLimit && (best === undefined || backend.inFlight < best.inFlight)) {
      best = backend;
    }
  }
  return best;
}

function allFull(backends: readonly Backend[]): boolean {
  for (const backend of backends) if (!backend.full) return false;
  return true;
}
