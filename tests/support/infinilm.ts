import { Sim, type SimOptions } from "../../src/sim/sim.ts";

/** A simulated InfiniLM that serves `m` and takes no time, but for what the options say. */
export function startInfinilm(options: SimOptions = {}): Sim {
  return Sim.start({
    engine: "infinilm",
    kv: "paged",
    models: ["m"],
    timeToFirstTokenMs: 0,
    tokensPerSecond: 0,
    ...options,
  });
}

/** The body of the last call that an engine got. */
export function lastBody(sim: Sim): Record<string, unknown> {
  return JSON.parse(sim.calls.at(-1)!.body);
}
