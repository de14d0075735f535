import type { Policy } from "../registry/choice.ts";
import { loadOf, withRoom } from "./load.ts";

/**
 * The less loaded of two distinct candidates drawn at random. `random` gives numbers in [0, 1).
 * Equals: the first drawn, so that ties fall evenly.
 */
export function createP2c(random: () => number): Policy {
  return {
    choose: (candidates) => {
      const able = withRoom(candidates);
      const count = able.length;
      if (count === 1) return { backend: able[0]!, why: "only" };
      const first = Math.floor(random() * count);
      let second = Math.floor(random() * (count - 1));
      if (second >= first) second++; // drawn from the others: never the same twice
      const a = able[first]!;
      const b = able[second]!;
      return { backend: loadOf(b) < loadOf(a) ? b : a, why: "less_of_two" };
    },
  };
}
