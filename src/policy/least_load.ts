import type { Policy } from "./policy.ts";
import { createRoundRobin } from "./round_robin.ts";
import { loadOf } from "./policy.ts";

/** The fewest calls in flight per weight; equals take turns by weight, so that none is starved. */
export function createLeastLoad(): Policy {
  const takeTurns = createRoundRobin();
  return (candidates) => {
    let least = Infinity;
    for (const backend of candidates) least = Math.min(least, loadOf(backend));
    return takeTurns(candidates.filter((backend) => loadOf(backend) === least));
  };
}
