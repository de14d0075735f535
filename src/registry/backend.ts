import type { Flow } from "../flow.ts";
import type { Gate } from "./gate.ts";
import type { Lease } from "./lease.ts";
import { type Load, LocalLoad } from "./load.ts";
import type { ModelCard } from "./model_card.ts";
import { Ramp } from "./ramp.ts";
import { BackendStats } from "./stats.ts";

/** What kind of engine answers. */
export type EngineName = "openai" | "infinilm";

/** How an InfiniLM engine keeps its keys and values: one call at a time, or in pages for many. */
export type CacheType = "static" | "paged";

/** A backend as it is to be: what the operator wrote, or another source told. */
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
  /** `auto`: what its model list shows. */
  readonly engine: EngineName | "auto";
  /** Whether what its engine would ignore is refused. */
  readonly strict: boolean;
  /** Whether its engine is asked for streams where clients want whole answers. */
  readonly streamUpstream: boolean;
  readonly cacheType: CacheType | undefined;
  /** Tokens that a prompt and its answer may have there. */
  readonly maxContext: number | undefined;
  /** What is known of it beyond that, for people; as its source tells it. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  /** Whether no source names it any more: it takes no new calls, and goes unless it is named again soon. */
  readonly leaving: boolean;
}

/** What the operator says of a backend, whatever its health. */
export interface Word {
  readonly weight: number;
  /** Whether it is to come to rest: running calls end, new ones go elsewhere. */
  readonly drain: boolean;
}

export interface BackendOptions {
  createGate: (backend: Backend) => Gate;
  /** Wall clock, milliseconds since 1970. */
  wallNow?: () => number;
}

/** A backend that keeps renaming its models is remembered by the present ones alone beyond this many. */
const MAX_REMEMBERED = 20_000;

/**
 * One backend and everything counted about it. Its name is what it is; the rest of its spec may change.
 * Whether it gets calls is said by three that know nothing of each other: the gate, what is observed;
 * the operator's word; and whether it is present, that is, still named by a source.
 */
export class Backend {
  readonly gate: Gate;
  readonly stats = new BackendStats();
  readonly load: Load = new LocalLoad();
  /** Calls that wait for their first byte here. Changed by `Lease` alone. */
  readonly waiting = new Set<Lease>();
  /** Calls that may have killed another one, and have had no byte of this one yet. */
  suspects = 0;
  /** The bodies that calls on it read. */
  readonly flow: Flow = { pieces: 0, pending: 0 };
  /** When each model was first seen here, Unix seconds. Models that went away stay, within bounds. */
  readonly firstSeen = new Map<string, number>();
  /** Told of everything that may let a call in, or keep one out. Set by the registry it is in. */
  onChange: (() => void) | undefined;
  /** Told when it serves others than before. */
  onModels: (() => void) | undefined;
  readonly #wallNow: () => number;
  #ramp: Ramp | undefined;
  /** How far it has come by its ramp, as of the last look. */
  #come = 1;
  #spec: BackendSpec;
  #word: Word;
  /** Since when its operator drains it, milliseconds since 1970. */
  #drainedSince: number | undefined;
  /** Since when no source names it. */
  #leavingSince: number | undefined;
  #models: ReadonlySet<string> | undefined;
  #cards: ReadonlyMap<string, ModelCard> = new Map();
  #seemingEngine: EngineName | undefined;

  constructor(spec: BackendSpec, { createGate, wallNow = Date.now }: BackendOptions) {
    this.#spec = spec;
    this.#word = { weight: spec.weight, drain: false };
    this.#wallNow = wallNow;
    if (spec.leaving) this.#leavingSince = wallNow();
    if (spec.models !== undefined) this.#serve(spec.models);
    this.gate = createGate(this);
  }

  get spec(): BackendSpec {
    return this.#spec;
  }

  get name(): string {
    return this.#spec.name;
  }

  get word(): Word {
    return this.#word;
  }

  get weight(): number {
    return this.#word.weight;
  }

  /** The weight that counts now: less of it while it comes back. The same until the next `look`. */
  get share(): number {
    return this.#word.weight * this.#come;
  }

  /** An engine with cold caches is not to have at once what it had before it fell. Times in milliseconds. */
  startSlowly(now: number, ms: number): void {
    this.#ramp = new Ramp(now, ms);
    this.look(now);
  }

  /** Before a choice, so that all its comparisons are of one moment. */
  look(now: number): void {
    if (this.#ramp === undefined) return;
    this.#come = this.#ramp.shareAt(now);
    if (this.#come === 1) this.#ramp = undefined;
  }

  /** Since when its operator drains it, milliseconds since 1970; undefined if it is not. */
  get drainedSince(): number | undefined {
    return this.#drainedSince;
  }

  /** Since when no source names it any more, milliseconds since 1970; undefined while one does. */
  get leavingSince(): number | undefined {
    return this.#leavingSince;
  }

  /** Whether a source still names it. */
  get present(): boolean {
    return this.#leavingSince === undefined;
  }

  get inFlight(): number {
    return this.load.inFlight;
  }

  /** Takes another spec of the same name and address; what was counted and learned stays. */
  configure(spec: BackendSpec): void {
    const before = this.#spec;
    this.#spec = spec;
    this.#word = { ...this.#word, weight: spec.weight };
    this.#leavingSince = spec.leaving ? this.#leavingSince ?? this.#wallNow() : undefined;
    if (spec.models !== undefined) this.#serve(spec.models);
    else if (before.models !== undefined) this.#models = undefined; // its own word was never heard
    this.onChange?.();
    this.onModels?.();
  }

  /** Takes the operator's word. */
  tell(word: Partial<Word>): void {
    this.#word = { ...this.#word, ...word };
    this.#drainedSince = this.#word.drain ? this.#drainedSince ?? this.#wallNow() : undefined;
    this.onChange?.();
  }

  /** It is named by nobody any more: what runs on it ends in its own time. */
  leave(): void {
    this.#leavingSince ??= this.#wallNow();
    this.onChange?.();
  }

  /** The models it serves; undefined while that is not known. */
  get models(): readonly string[] | undefined {
    return this.#models && [...this.#models];
  }

  serves(model: string): boolean {
    return this.#models?.has(model) ?? false;
  }

  /** What kind of engine it is: as the operator said, or as it seems; OpenAI's until that is known. */
  get engine(): EngineName {
    const { engine } = this.#spec;
    return engine === "auto" ? this.#seemingEngine ?? "openai" : engine;
  }

  /** Whether that is only a guess. */
  get engineUnknown(): boolean {
    return this.#spec.engine === "auto" && this.#seemingEngine === undefined;
  }

  /** What it has said of a model; undefined if it has said nothing. */
  card(model: string): ModelCard | undefined {
    return this.#cards.get(model);
  }

  /**
   * Takes what the backend said it serves; an empty list is one that it has not made yet. A list in the
   * configuration stands against it: then only what it said of those models counts. `engine` is what kind it
   * seems to be by that.
   */
  discovered(cards: readonly ModelCard[], engine?: EngineName): void {
    if (cards.length > 0) this.#seemingEngine = engine;
    if (this.#spec.models === undefined) {
      if (cards.length > 0) this.#serve(cards.map(({ id }) => id));
      else this.#models = undefined;
      this.onModels?.();
    }
    this.#cards = new Map(cards.filter(({ id }) => this.serves(id)).map((card) => [card.id, card]));
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
    return this.gate.observed.healthy;
  }

  /** Whether it has all the calls that it may ever have at the same time. */
  get atLimit(): boolean {
    const { maxInFlight } = this.#spec;
    return maxInFlight !== undefined && this.load.inFlight >= maxInFlight;
  }

  /** Whether it has all that it may have now. */
  get full(): boolean {
    const { maxInFlight } = this.#spec;
    if (maxInFlight === undefined) return false;
    return this.load.inFlight >= Math.max(1, Math.ceil(maxInFlight * this.#come));
  }

  /** Whether it is to have calls at all, were it well and not full. */
  get wanted(): boolean {
    return this.present && this.#word.weight > 0 && !this.#word.drain;
  }

  /** Gives back every call that has had no byte from it: it will not answer them. */
  revokeWaiting(why: "fell" | "hung" = "fell"): void {
    for (const lease of [...this.waiting]) lease.revoke(why);
  }
}
