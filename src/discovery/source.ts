import type { BackendSpec } from "../registry/backend.ts";

/** Who hears of a source. */
export interface SourceWatcher {
  /** All the backends that it knows, each time they have changed. */
  onSpecs(specs: readonly BackendSpec[]): void;
  /** Why it cannot say more at present, and so stays with what it has said; undefined: it can again. */
  onTrouble(reason: string | undefined): void;
}

/** One that says which backends there are: the configuration, a registry, DNS, a watched file. */
export interface Source {
  /** What people see it called. */
  readonly name: string;
  /** How long a backend that it names no more is kept, draining, milliseconds. */
  readonly removalGraceMs: number;
  /** Begins to tell: at once what is known at once. Returns what ends that. */
  watch(watcher: SourceWatcher): () => void;
}
