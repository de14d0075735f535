import type { Outcome } from "../outcome.ts";
import { BackendStats } from "./stats.ts";

/** What health knows of one backend. Implemented in `health/`, so that the registry needs no import. */
export interface Gate {
  readonly healthy: boolean;
  /** Told of every exchange on real traffic. */
  record(outcome: Outcome): void;
}

/** A backend as the operator wrote it. */
export interface BackendSpec {
  readonly name: string;
  /** As shown to people: `http://host:port/prefix`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** What comes before the API's own paths: "" or "/prefix". */
  readonly basePath: string;
  /** Undefined: asked for at every health check. */
  readonly models: readonly string[] | undefined;
  /** Share of traffic against other backends; 0 takes no new calls. */
  readonly weight: number;
  readonly maxInFlight: number | undefined;
  readonly apiKey: string | undefined;
}

export interface BackendOptions {
  createGate: (backend: Backend) => Gate;
  /** Wall clock, milliseconds since 1970. */
  wallNow?: () => number;
}

/** A backend that keeps renaming its models is remembered by the present ones alone beyond this many. */
const MAX_REMEMBERED = 20_000;

/** One backend and everything counted about it. */
export class Backend {
  readonly spec: BackendSpec;
  readonly gate: Gate;
  readonly stats = new BackendStats();
  /** When each model was first seen here, Unix seconds. Models that went away stay, within bounds. */
  readonly firstSeen = new Map<string, number>();
  /** Calls from pick to end of body. Changed by `Lease` alone. */
  inFlight = 0;
  readonly #wallNow: () => number;
  #models: ReadonlySet<string> | undefined;

  constructor(spec: BackendSpec, { createGate, wallNow = Date.now }: BackendOptions) {
    this.spec = spec;
    this.#wallNow = wallNow;
    if (spec.models !== undefined) this.#serve(spec.models);
    this.gate = createGate(this);
  }

  get name(): string {
    return this.spec.name;
  }

  get weight(): number {
    return this.spec.weight;
  }

  /** The models it serves; undefined while that is not known. */
  get models(): readonly string[] | undefined {
    return this.#models && [...this.#models];
  }

  serves(model: string): boolean {
    return this.#models?.has(model) ?? false;
  }

  /** Takes what the backend said it serves. A list in the configuration stands against it. */
  discovered(models: readonly string[]): void {
    if (this.spec.models === undefined) this.#serve(models);
  }

  #serve(models: readonly string[]): void {
    this.#models = new Set(models);
    if (this.firstSeen.size > MAX_REMEMBERED) {
      for (const model of this.firstSeen.keys()) {
        if (!this.#models.has(model)) this.firstSeen.delete(model);
      }
    }
    const seconds = Math.floor(this.#wallNow() / 1000);
    for (const model of this.#models) {
      if (!this.firstSeen.has(model)) this.firstSeen.set(model, seconds);
    }
  }

  get healthy(): boolean {
    return this.gate.healthy;
  }

  get full(): boolean {
    return this.spec.maxInFlight !== undefined && this.inFlight >= this.spec.maxInFlight;
  }

  /** Whether it may get a new call now: the only thing policies ask. */
  get available(): boolean {
    return this.healthy && !this.full && this.weight > 0;
  }
}
