import { assert } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

Deno.test("promise 21: where every engine is busy, attempts are at most 1.2 times the calls, and three a second", async () => {
  const sims = [1, 2, 3].map((seed) => Sim.start({ seed, timeToFirstTokenMs: 0 }));
  await using stack = new AsyncDisposableStack();
  for (const sim of sims) stack.use(sim);
  await using router = await RouterProcess.start(backendsYaml(sims.map(({ url }) => url)));
  for (const sim of sims) sim.setFault("error_503");
  const begun = Date.now();
  const calls = 400;
  for (let sent = 0; sent < calls; sent += 40) {
    await Promise.all(Array.from({ length: 40 }, async () => {
      const answer = await router.post("/v1/chat/completions", chat("sim"));
      await answer.body?.cancel();
    }));
  }
  const seconds = Math.ceil((Date.now() - begun) / 1000) + 1;
  const attempts = sims.reduce((sum, sim) => sum + sim.calls.length, 0);
  assert(
    attempts <= 1.2 * calls + 3 * seconds,
    `${attempts} attempts for ${calls} calls in ${seconds} s`,
  );
  assert(attempts > calls, "some are sent again");
});
