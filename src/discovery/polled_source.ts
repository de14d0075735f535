import { isDeepStrictEqual } from "node:util";
import type { BackendSpec } from "../registry/backend.ts";
import type { Source, SourceWatcher } from "./source.ts";

/** Its backends cannot be told now; the message says why. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

export interface PolledSourceOptions {
  name: string;
  removalGraceMs: number;
  intervalMs: number;
  /** All backends as they are now. Throws `SourceError`; whatever else it throws is a defect. */
  read: (signal: AbortSignal) => Promise<readonly BackendSpec[]>;
  onDefect: (error: unknown) => void;
}

/** A source that must be asked, again and again, one question at a time. */
export class PolledSource implements Source {
  readonly name: string;
  readonly removalGraceMs: number;
  readonly #options: PolledSourceOptions;

  constructor(options: PolledSourceOptions) {
    this.name = options.name;
    this.removalGraceMs = options.removalGraceMs;
    this.#options = options;
  }

  watch(watcher: SourceWatcher): () => void {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last: readonly BackendSpec[] | undefined;
    const ask = async (): Promise<void> => {
      const specs = await this.#ask(watcher, stop.signal);
      if (stop.signal.aborted) return;
      if (specs !== undefined && !isDeepStrictEqual(specs, last)) {
        last = specs;
        watcher.onSpecs(specs);
      }
      timer = setTimeout(ask, this.#options.intervalMs);
    };
    ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }

  /** Undefined if it cannot be known now. Never rejects. */
  async #ask(
    watcher: SourceWatcher,
    signal: AbortSignal,
  ): Promise<readonly BackendSpec[] | undefined> {
    const { read, onDefect } = this.#options;
    try {
      const specs = await read(signal);
      if (!signal.aborted) watcher.onTrouble(undefined);
      return specs;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof SourceError)) onDefect(error);
      watcher.onTrouble(error instanceof SourceError ? error.message : "internal error");
      return undefined;
    }
  }
}
