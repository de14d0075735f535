import { isDeepStrictEqual } from "node:util";
import type { Backend, BackendSpec } from "../registry/backend.ts";
import type { Registry } from "../registry/registry.ts";
import type { UpstreamClient } from "../upstream/client.ts";
import { BackendUnit, type UnitOptions } from "./unit.ts";

/** What a new set of specs changed, by name. */
export interface FleetChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** The backends that live in this process. Who they are is told by sources; that they live, here. */
export class Fleet {
  readonly #registry: Registry;
  readonly #options: UnitOptions;
  #units = new Map<string, BackendUnit>();
  /** By backend, those that are gone but still have calls included. */
  readonly #clients = new WeakMap<Backend, UpstreamClient>();

  constructor(registry: Registry, options: UnitOptions) {
    this.#registry = registry;
    this.#options = {
      ...options,
      health: { ...options.health },
      makeRoom: () => {
        for (const unit of this.#units.values()) unit.client.closeIdle();
      },
    };
  }

  /** Checks and judges as these settings say from now on; what is known of backends stays. */
  configure(health: UnitOptions["health"]): void {
    Object.assign(this.#options.health, health); // which all units read
    for (const unit of this.#units.values()) unit.settingsChanged();
  }

  /**
   * Makes the fleet what the specs say, a set difference by name: who stays keeps calls in flight,
   * statistics, models and connections; who is gone takes no more calls and ends with its last; another
   * address under the same name is another backend. An equal set changes nothing. Names must be unique:
   * throws `TypeError`, and then changes nothing.
   */
  apply(specs: readonly BackendSpec[]): FleetChange {
    const names = new Set(specs.map(({ name }) => name));
    if (names.size < specs.length) throw new TypeError("two backends have the same name");
    const units = new Map<string, BackendUnit>();
    const added: string[] = [];
    const changed: string[] = [];
    const begun: BackendUnit[] = [];
    for (const spec of specs) {
      const { name } = spec;
      const before = this.#units.get(name);
      const stays = before !== undefined && sameAddress(before.backend.spec, spec);
      const unit = stays ? before : new BackendUnit(spec, this.#options);
      units.set(name, unit);
      if (!stays) {
        (before === undefined ? added : changed).push(name);
        this.#clients.set(unit.backend, unit.client);
        begun.push(unit);
      } else if (!isDeepStrictEqual(before.backend.spec, spec)) {
        changed.push(name);
        unit.reconfigure(spec);
      }
    }
    const gone = [...this.#units.values()].filter((unit) => units.get(unit.backend.name) !== unit);
    this.#units = units;
    for (const unit of gone) {
      unit.backend.leave();
      unit.stop();
    }
    for (const unit of begun) unit.start();
    this.#registry.apply([...units.values()].map(({ backend }) => backend));
    const removed = gone.map(({ backend }) => backend.name).filter((name) => !units.has(name));
    return { added, removed, changed };
  }

  /** How to reach a backend of this fleet. */
  clientOf(backend: Backend): UpstreamClient {
    return this.#clients.get(backend)!;
  }

  /** Ends all checks and idle connections. */
  stop(): void {
    for (const unit of this.#units.values()) unit.stop();
  }
}

function sameAddress(a: BackendSpec, b: BackendSpec): boolean {
  return a.host === b.host && a.port === b.port && a.basePath === b.basePath;
}
