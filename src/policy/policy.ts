import type { Backend } from "../registry/backend.ts";

/**
 * Chooses one of the candidates: at least one, all available, in configuration order. It may keep a
 * cursor, never counts of its own: load is `inFlight`, kept by leases.
 */
export type Policy = (candidates: readonly Backend[]) => Backend;

/** Calls in flight per unit of weight. */
export function loadOf(backend: Backend): number {
  return backend.inFlight / backend.weight;
}
