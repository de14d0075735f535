import type { Backend } from "../registry/backend.ts";
import type { Choice, PickKeys, Policy } from "../registry/choice.ts";

/**
 * Prefers engines with a static cache for large bodies and those with a paged one for others, as InfiniLM-SVC
 * does, as long as one of the right kind has room; `inner` chooses.
 */
export function bySize(inner: Policy, threshold: number): Policy {
  return {
    choose(candidates: readonly Backend[], keys: PickKeys, now: number): Choice {
      const kind = keys.bodyBytes > threshold ? "static" : "paged";
      const right = candidates.filter(({ spec, full }) => spec.cacheType === kind && !full);
      return inner.choose(right.length > 0 ? right : candidates, keys, now);
    },
    learned: (lease, facts) => inner.learned?.(lease, facts),
  };
}
