import { FAULTS, INFINILM_FAULTS } from "../../src/sim/sim.ts";
import type { EngineKind, FaultName } from "../../src/sim/sim.ts";
import type { Chance } from "../support/chance.ts";

/** Which engines there are, and how the router is set up. */
export interface Scenario {
  readonly engines: readonly EngineKind[];
  /** The configuration but for its backends. */
  readonly yaml: string;
  readonly maxInFlight: number | undefined;
  readonly faults: Readonly<Record<EngineKind, readonly FaultName[]>>;
  /** Whether engines are started anew, and vanish from the list of backends and come back. */
  readonly comings: boolean;
}

/** A health page that takes 10 s would only make a run longer. */
const CHAOS: readonly FaultName[] = FAULTS.map(({ name }) => name)
  .filter((name) => name !== "slow_health" && name !== "none");

export function scenarioOf(chance: Chance): Scenario {
  const engines: readonly EngineKind[] = chance.is(0.5)
    ? ["openai", "openai", "openai"]
    : [chance.one<EngineKind>(["openai", "infinilm"]), "infinilm", "infinilm"];
  const maxInFlight = chance.one([undefined, 4, 16]);
  const keepAlive = chance.one(["null", "30ms"]);
  const queue = chance.one(["{ size: 0 }", "{ size: 4, timeout: 200ms }", "{ timeout: 400ms }"]);
  const yaml = `
routing: { policy: ${chance.one(["least_load", "round_robin", "p2c"])} }
health:
  interval: 100ms
  timeout: 90ms
  stall_after: ${chance.one(["200ms", "60s"])}
  slow_start: ${chance.one(["0s", "300ms"])}
  breaker: { base: 200ms, max: 800ms }
timeouts: { connect: 200ms, request: 300ms, idle: 300ms, client_stall: 300ms }
retry: { attempts: ${chance.integer(1, 4)}, budget: ${chance.one([0.2, 1])}, ambiguous: ${
    chance.one(["once", "once", "never"])
  } }
stream: { keep_alive: ${keepAlive} }
queue: ${queue}
`;
  return {
    engines,
    yaml,
    maxInFlight,
    faults: { openai: CHAOS, infinilm: [...CHAOS, ...INFINILM_FAULTS.map(({ name }) => name)] },
    comings: chance.is(0.6),
  };
}
