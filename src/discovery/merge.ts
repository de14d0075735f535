import type { Log } from "../observe/log.ts";
import type { BackendSpec } from "../registry/backend.ts";
import type { Source } from "./source.ts";

/** A source as it is shown. */
export interface SourceState {
  readonly name: string;
  /** How many backends it names. */
  readonly backends: number;
  /** Why it stays with what it has said; null: it is well. */
  readonly trouble: string | null;
}

export interface MergeOptions {
  log: Log;
  /** A monotonic clock, milliseconds. */
  now: () => number;
  /** Given all backends of all sources, each time they change. */
  onSpecs: (specs: readonly BackendSpec[]) => void;
}

interface Watched {
  readonly source: Source;
  /** Ends the watching. */
  stop: () => void;
  specs: readonly BackendSpec[];
  trouble: string | undefined;
  /** Those that it names no more, and until when they are kept. */
  readonly leaving: Map<string, { readonly spec: BackendSpec; readonly until: number }>;
}

/**
 * Joins the backends of several sources into one set without doubles. Where two name the same address it is
 * one backend, as the first says it; where they call different addresses by one name, the later has its address
 * added. What an address is called stays. A backend that its source names no more stays for a while, draining.
 */
export class Merge {
  readonly #options: MergeOptions;
  #watched: readonly Watched[];
  /** By address, what each is called. */
  #names: ReadonlyMap<string, string> = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #started = false;

  constructor(sources: readonly Source[], options: MergeOptions) {
    this.#options = options;
    this.#watched = sources.map(unwatched);
  }

  /** Begins to tell: at once what is known at once. */
  start(): void {
    for (const watched of this.#watched) this.#watch(watched);
    this.#started = true;
    this.#tell();
  }

  /**
   * Joins these sources from now on. Those that were there already go on; one of the same name begins with what
   * the other has said; what any others named is gone.
   */
  replace(sources: readonly Source[]): void {
    const before = this.#watched;
    this.#watched = sources.map((source) =>
      before.find((watched) => watched.source === source) ??
        { ...unwatched(source), ...saidBy(before.find((one) => one.source.name === source.name)) }
    );
    this.#started = false; // until all have told what is known at once
    for (const watched of this.#watched) if (!before.includes(watched)) this.#watch(watched);
    for (const watched of before) if (!this.#watched.includes(watched)) watched.stop();
    this.#started = true;
    this.#tell();
  }

  stop(): void {
    for (const { stop } of this.#watched) stop();
    clearTimeout(this.#timer);
  }

  #watch(watched: Watched): void {
    watched.stop = watched.source.watch({
      onSpecs: (specs) => this.#take(watched, specs),
      onTrouble: (reason) => this.#trouble(watched, reason),
    });
  }

  get sources(): readonly SourceState[] {
    return this.#watched.map(({ source, specs, trouble }) => ({
      name: source.name,
      backends: specs.length,
      trouble: trouble ?? null,
    }));
  }

  #take(watched: Watched, specs: readonly BackendSpec[]): void {
    const { source, leaving } = watched;
    const named = new Set(specs.map(addressOf));
    const until = this.#options.now() + source.removalGraceMs;
    for (const spec of watched.specs) {
      const address = addressOf(spec);
      if (source.removalGraceMs > 0 && !named.has(address) && !leaving.has(address)) {
        leaving.set(address, { spec: { ...spec, leaving: true }, until });
      }
    }
    for (const address of named) leaving.delete(address);
    watched.specs = specs;
    this.#tell();
  }

  #trouble(watched: Watched, reason: string | undefined): void {
    if (reason === watched.trouble) return;
    watched.trouble = reason;
    const { log } = this.#options;
    const source = watched.source.name;
    const backends = watched.specs.length;
    if (reason === undefined) log.info("source is well again", { source, backends });
    else log.warn("source is in trouble: what it said last stands", { source, reason, backends });
  }

  #tell(): void {
    if (!this.#started) return;
    this.#forget();
    this.#options.onSpecs(this.#joined());
  }

  /** Drops what has been kept long enough, and comes back when the next is due. */
  #forget(): void {
    const now = this.#options.now();
    let next = Infinity;
    for (const { leaving } of this.#watched) {
      for (const [address, { until }] of leaving) {
        if (until <= now) leaving.delete(address);
        else next = Math.min(next, until);
      }
    }
    clearTimeout(this.#timer);
    if (next < Infinity) this.#timer = setTimeout(() => this.#tell(), next - now);
  }

  /** What is said goes before what was said, whoever says it. */
  #joined(): BackendSpec[] {
    const byAddress = new Map<string, BackendSpec>();
    const names = new Map<string, string>();
    const add = (spec: BackendSpec): void => {
      const address = addressOf(spec);
      if (byAddress.has(address)) return;
      const taken = new Set(names.values());
      const { host, port } = spec;
      // A backend is its name: it keeps that as long as somebody names its address.
      const name = [this.#names.get(address), spec.name, `${spec.name}@${host}:${port}`]
        .find((name) => name !== undefined && !taken.has(name));
      if (name === undefined) return; // one host and port under two prefixes of one name: too strange
      names.set(address, name);
      byAddress.set(address, name === spec.name ? spec : { ...spec, name });
    };
    for (const { specs } of this.#watched) specs.forEach(add);
    for (const { leaving } of this.#watched) for (const { spec } of leaving.values()) add(spec);
    this.#names = names;
    return [...byAddress.values()];
  }
}

function saidBy(watched: Watched | undefined): Partial<Watched> {
  return watched === undefined ? {} : { specs: watched.specs, leaving: new Map(watched.leaving) };
}

function unwatched(source: Source): Watched {
  return { source, stop: () => {}, specs: [], trouble: undefined, leaving: new Map() };
}

function addressOf({ host, port, basePath }: BackendSpec): string {
  return `${host}:${port}${basePath}`;
}
