import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";

/** The models that the API description speaks of, each on a simulated engine of its own. */
export async function withRouter(
  test: (router: RouterProcess, sim: Sim) => Promise<void>,
): Promise<void> {
  await using sim = Sim.start({ models: ["Qwen3-32B"], timeToFirstTokenMs: 0 });
  await using other = Sim.start({ models: ["9g_8b_thinking"] });
  await using router = await RouterProcess.start(backendsYaml([sim.url, other.url]));
  await test(router, sim);
}
