import { isDeepStrictEqual } from "node:util";
import type { BackendSpec } from "../registry/backend.ts";
import type { RegistryBook } from "./registry_book.ts";
import type { Source, SourceWatcher } from "./source.ts";

export interface BookSourceOptions {
  /** What people see it called. */
  name: string;
  removalGraceMs: number;
}

/** The engines in a book, told at each change; silence is a change, too. */
export class BookSource implements Source {
  readonly name: string;
  readonly removalGraceMs: number;
  readonly #book: RegistryBook;

  constructor(book: RegistryBook, { name, removalGraceMs }: BookSourceOptions) {
    this.#book = book;
    this.name = name;
    this.removalGraceMs = removalGraceMs;
  }

  watch(watcher: SourceWatcher): () => void {
    const book = this.#book;
    let last: readonly BackendSpec[] | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      const specs = book.specs();
      clearTimeout(timer);
      const silence = book.nextSilence();
      // Heartbeats put it off; it looks when it would have been, and again.
      if (silence !== undefined) timer = setTimeout(look, Math.max(1, Math.ceil(silence)));
      if (isDeepStrictEqual(specs, last)) return;
      last = specs;
      watcher.onSpecs(specs);
    };
    const stop = book.watch((change) => change === "entries" && look());
    look();
    return () => {
      stop();
      clearTimeout(timer);
    };
  }
}
