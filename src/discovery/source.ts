import type { BackendSpec } from "../registry/backend.ts";

/** One that says which backends there are: the configuration, a registry, a watched file. */
export interface Source {
  /** Calls `onSpecs` with all it knows, now and at every change. Returns what ends that. */
  watch(onSpecs: (specs: readonly BackendSpec[]) => void): () => void;
}
