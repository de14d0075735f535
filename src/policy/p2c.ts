import { loadOf, type Policy } from "./policy.ts";

/**
 * The less loaded of two distinct candidates drawn at random. `random` gives numbers in [0, 1).
 * Equals: the first drawn, so that ties fall evenly.
 */
export function createP2c(random: () => number): Policy {
  return (candidates) => {
    const count = candidates.length;
    if (count === 1) return candidates[0]!;
    const first = Math.floor(random() * count);
    let second = Math.floor(random() * (count - 1));
    if (second >= first) second++; // drawn from the others: never the same twice
    const a = candidates[first]!;
    const b = candidates[second]!;
    return loadOf(b) < loadOf(a) ? b : a;
  };
}
