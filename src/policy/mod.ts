import type { PolicyName } from "../config/config.ts";
import type { Policy } from "../registry/choice.ts";
import { createLeastLoad } from "./least_load.ts";
import { createP2c } from "./p2c.ts";
import { createRoundRobin } from "./round_robin.ts";

/** Every policy by the name the configuration uses. */
export const POLICIES = {
  round_robin: createRoundRobin,
  least_load: createLeastLoad,
  p2c: createP2c,
} satisfies Record<PolicyName, (random: () => number) => Policy>;
