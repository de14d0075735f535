import type { Sim } from "../../src/sim/sim.ts";
import { within } from "./within.ts";

/** Resolves as soon as the engine answers no call any more, so that every record has its end. */
export async function idle(sim: Sim): Promise<void> {
  await within(sim.idle(), "every call to the engine has ended", {
    seen: () => ({ running: sim.running, waiting: sim.waiting, last: sim.calls.at(-1) }),
  });
}
