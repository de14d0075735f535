import { assert, assertEquals } from "@std/assert";
import { chaos } from "./run.ts";

const CALLS = 2000;
/** The executable is put through fewer: what it adds is that it is one. */
const SEEDS = Deno.env.has("ROUTER_BIN") ? 10 : 50;

for (let seed = 1; seed <= SEEDS; seed += 2) {
  Deno.test(`promise 7: after chaos with the seeds ${seed} and ${seed + 1} every call is accounted for, and nothing is left`, async () => {
    const runs = await Promise.all([seed, seed + 1].map((seed) => chaos(seed, { calls: CALLS })));
    for (const ends of runs) {
      assertEquals(Object.values(ends).reduce((sum, count) => sum + count), CALLS);
      assert((ends["200"] ?? 0) > 0, JSON.stringify(ends));
    }
  });
}
