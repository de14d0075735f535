import type { Policy } from "../registry/choice.ts";
import { loadOf, withRoom } from "./load.ts";
import { createTurns } from "./round_robin.ts";

/** The fewest calls in flight per weight; equals take turns by weight, so that none is starved. */
export function createLeastLoad(): Policy {
  const nextOf = createTurns();
  return {
    choose: (candidates) => {
      const able = withRoom(candidates);
      if (able.length === 1) return { backend: able[0]!, why: "only" };
      let least = Infinity;
      for (const backend of able) least = Math.min(least, loadOf(backend));
      const idlest = able.filter((backend) => loadOf(backend) === least);
      return { backend: nextOf(idlest), why: "least_load" };
    },
  };
}
