import type { BackendSpec } from "../registry/backend.ts";
import type { Source, SourceWatcher } from "./source.ts";

/** The backends that the configuration lists; another configuration may list others. */
export class StaticSource implements Source {
  readonly name = "configuration";
  /** What the operator takes out is out. */
  readonly removalGraceMs = 0;
  readonly #watchers = new Set<SourceWatcher>();
  #specs: readonly BackendSpec[];

  constructor(specs: readonly BackendSpec[]) {
    this.#specs = specs;
  }

  watch(watcher: SourceWatcher): () => void {
    this.#watchers.add(watcher);
    watcher.onSpecs(this.#specs);
    return () => this.#watchers.delete(watcher);
  }

  /** Takes the list of another configuration. */
  update(specs: readonly BackendSpec[]): void {
    this.#specs = specs;
    for (const watcher of this.#watchers) watcher.onSpecs(specs);
  }
}
