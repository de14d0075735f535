import type { Backend } from "../registry/backend.ts";
import type { Policy } from "../registry/choice.ts";
import { withRoom } from "./load.ts";

/**
 * Smooth weighted round robin, as nginx does it: each candidate gains its weight, the richest is
 * chosen and pays the sum. Weights 5,1,1 give a a b a c a a, never five in a row and then a pause.
 */
export function createRoundRobin(): Policy {
  const nextOf = createTurns();
  return {
    choose: (candidates) => ({ backend: nextOf(withRoom(candidates)), why: "turn" }),
  };
}

/** Takes turns by weight among whoever is there. */
export function createTurns(): (candidates: readonly Backend[]) => Backend {
  const credit = new WeakMap<Backend, number>();
  return (candidates) => {
    let best = candidates[0]!;
    let bestCredit = -Infinity;
    let total = 0;
    for (const backend of candidates) {
      const { share } = backend;
      const now = (credit.get(backend) ?? 0) + share;
      credit.set(backend, now);
      total += share;
      if (now > bestCredit) {
        best = backend;
        bestCredit = now;
      }
    }
    credit.set(best, bestCredit - total);
    return best;
  };
}
