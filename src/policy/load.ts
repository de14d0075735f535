import type { Backend } from "../registry/backend.ts";

/** Calls in flight per unit of the weight that counts now. */
export function loadOf(backend: Backend): number {
  return backend.inFlight / backend.share;
}

/** Those that can take a call now; never none, as policies are not asked then. */
export function withRoom(candidates: readonly Backend[]): readonly Backend[] {
  for (const backend of candidates) {
    if (backend.full) return candidates.filter((one) => !one.full);
  }
  return candidates;
}
