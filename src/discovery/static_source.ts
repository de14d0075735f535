import type { BackendSpec } from "../registry/backend.ts";
import type { Source } from "./source.ts";

/** The backends that the configuration lists; another configuration may list others. */
export class StaticSource implements Source {
  readonly #watchers = new Set<(specs: readonly BackendSpec[]) => void>();
  #specs: readonly BackendSpec[];

  constructor(specs: readonly BackendSpec[]) {
    this.#specs = specs;
  }

  watch(onSpecs: (specs: readonly BackendSpec[]) => void): () => void {
    this.#watchers.add(onSpecs);
    onSpecs(this.#specs);
    return () => this.#watchers.delete(onSpecs);
  }

  /** Takes the list of another configuration. */
  update(specs: readonly BackendSpec[]): void {
    this.#specs = specs;
    for (const watcher of this.#watchers) watcher(specs);
  }
}
