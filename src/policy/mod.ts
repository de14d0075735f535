import type { Config, PolicyName } from "../config/config.ts";
import type { Policy } from "../registry/choice.ts";
import { bySize } from "./by_size.ts";
import { createLeastLoad } from "./least_load.ts";
import { createP2c } from "./p2c.ts";
import { createRoundRobin } from "./round_robin.ts";

/** Every policy by the name the configuration uses. */
export const POLICIES = {
  round_robin: createRoundRobin,
  least_load: createLeastLoad,
  p2c: createP2c,
} satisfies Record<PolicyName, (random: () => number) => Policy>;

/** The policy that the configuration describes, for one model. */
export function createPolicy(
  { policy, sizeThreshold }: Config["routing"],
  random: () => number,
): Policy {
  const chosen = POLICIES[policy](random);
  return sizeThreshold === null ? chosen : bySize(chosen, sizeThreshold);
}
