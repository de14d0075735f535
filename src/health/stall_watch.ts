import type { Backend } from "../registry/backend.ts";

/** What is watched of a backend. */
export type Watched = Pick<Backend, "flow" | "waiting" | "spec" | "engine">;

export interface StallWatchOptions {
  /** How long calls may all be silent, milliseconds. */
  readonly stallAfterMs: number;
  /** A monotonic clock, milliseconds. */
  readonly now: () => number;
  /** Told when it begins to look hung, with why. */
  readonly onSuspect: (cause: string) => void;
}

/** Bytes of a prompt that an engine is given a second for, before its first token: about 1000 tokens. */
const PREFILL_BYTES_PER_SECOND = 4096;

/** For no prompt is an engine given more time than this besides, milliseconds. */
const MOST_PREFILL_MS = 300_000;

/**
 * Sees that a backend owes calls an answer and gives a byte to none of them: InfiniLM's engine can hang while its
 * server answers every check. That is a suspicion and no more; whether the engine still generates is asked of it.
 */
export class StallWatch {
  readonly #backend: Watched;
  readonly #options: StallWatchOptions;
  #pieces = 0;
  #since: number;
  #suspect = false;

  constructor(backend: Watched, options: StallWatchOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#since = options.now();
  }

  /** Whether it is to show that it generates before a check of it counts as good. Over when a call gets a byte. */
  get suspect(): boolean {
    if (this.#suspect && this.#backend.flow.pieces !== this.#pieces) this.acquit();
    return this.#suspect;
  }

  /** Looks once; to be called several times in `stallAfterMs`. */
  look(): void {
    const { flow, waiting } = this.#backend;
    const { now, onSuspect } = this.#options;
    if (flow.pieces !== this.#pieces || (flow.pending === 0 && waiting.size === 0)) {
      if (!this.suspect) this.acquit();
      return;
    }
    const silentMs = now() - this.#since;
    if (this.#suspect || silentMs < this.#patience() || this.#maySaySo()) return;
    this.#suspect = true;
    onSuspect(`no byte to any of its calls for ${Math.round(silentMs / 1000)} s`);
  }

  /** It has shown that it generates. */
  acquit(): void {
    this.#suspect = false;
    this.#pieces = this.#backend.flow.pieces;
    this.#since = this.#options.now();
  }

  #patience(): number {
    let bytes = 0;
    for (const lease of this.#backend.waiting) bytes = Math.max(bytes, lease.bodyBytes);
    const prefillMs = bytes / PREFILL_BYTES_PER_SECOND * 1000;
    return this.#options.stallAfterMs + Math.min(prefillMs, MOST_PREFILL_MS);
  }

  /** An engine that has one call at a time, which is not streamed: it says nothing before the end, and can be asked nothing. */
  #maySaySo(): boolean {
    const { spec, engine, waiting } = this.#backend;
    if (spec.cacheType !== "static" && spec.maxInFlight !== 1) return false;
    if (engine === "infinilm" && spec.streamUpstream) return false;
    for (const { streamed } of waiting) if (!streamed) return true;
    return false;
  }
}
