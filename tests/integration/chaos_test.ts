import { assert, assertEquals } from "@std/assert";
import { FAULTS, Sim } from "../../src/sim/sim.ts";
import { seeded } from "../contract/policy.ts";
import { connectionsTo } from "../support/connections_to.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { until } from "../support/until.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const RUN_MS = 15_000;
/** How often each engine's fault changes. */
const CHANGE_MS = 60;
const CLIENTS = 24;
/** Share of the clients that leave before their answer has ended. */
const LEAVING = 0.4;

/** Faults that end by themselves; a hanging call would only make the run longer. */
const CHAOS = FAULTS.map(({ name }) => name).filter((name) => name !== "slow_health");

Deno.test("promise 7: after chaos nothing is in flight, nothing open, nothing lost, and every call has its line", async () => {
  const random = seeded(7);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const sims = [1, 2, 3].map((seed) =>
    Sim.start({ seed, timeToFirstTokenMs: 5, tokensPerSecond: 500, idleCloseMs: 300 })
  );
  await using stack = new AsyncDisposableStack();
  for (const sim of sims) stack.use(sim);
  await using router = await RouterProcess.start(
    `${backendsYaml(sims.map(({ url }) => url))}` +
      "health: { interval: 100ms, timeout: 100ms }\ntimeouts: { request: 700ms, idle: 700ms }\n",
  );
  const changing = setInterval(() => pick(sims).setFault(pick(CHAOS)), CHANGE_MS / sims.length);
  stack.defer(() => clearInterval(changing));
  /** Calls whose client stayed for the answer; one that leaves may do so before the router has its head. */
  const answered = new Set<unknown>();
  const statuses = new Map<number, number>();
  const endAt = Date.now() + RUN_MS;
  const client = async (number: number): Promise<void> => {
    for (let call = 0; Date.now() < endAt; call++) {
      const id = `chaos-${number}-${call}`;
      // No two bodies are alike: one that broke two engines would be refused.
      const body = JSON.stringify(chat("sim", id, {
        stream: random() < 0.7,
        max_tokens: 1 + Math.floor(random() * 30),
      }));
      using conn = await RawClient.connect(router.port);
      await conn.write(rawPost("/v1/chat/completions", body, [`x-request-id: ${id}`]));
      if (random() < LEAVING) {
        await new Promise((resolve) => setTimeout(resolve, random() * 60));
        continue; // and the connection closes
      }
      const { status } = await conn.answer();
      answered.add(id);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  clearInterval(changing);
  for (const sim of sims) sim.setFault("none");

  const inFlight = async (): Promise<number> => {
    const { services } = await (await router.fetch("/stats")).json();
    return services.reduce(
      (sum: number, { in_flight }: { in_flight: number }) => sum + in_flight,
      0,
    );
  };
  await until("nothing is in flight", async () => await inFlight() === 0);
  await until("every answered call has its line", () => {
    const told = new Set(calls(router));
    return [...answered].every((id) => told.has(id));
  });
  assertEquals(calls(router).length, new Set(calls(router)).size, "no call has two lines");
  const errors = router.log.filter(({ message }) => message === "internal error");
  assertEquals(errors.slice(0, 3), []); // no more: thousands would be compared for minutes
  assertEquals(router.noise, "");
  assert([...statuses.keys()].every((status) => [200, 429, 502, 503, 504, 500].includes(status)));
  assert((statuses.get(200) ?? 0) > 100, JSON.stringify([...statuses]));
  await until("all engines are idle", () => sims.every((sim) => sim.running === 0));
  await until(
    "idle connections to engines are closed",
    () => sims.every(({ port }) => connectionsTo(port) <= 1),
    { seen: () => sims.map(({ port }) => connectionsTo(port)) },
  );
  await until("all engines are well again", async () => {
    const health = await (await router.fetch("/health")).json();
    return health.healthy_services === "3/3";
  });
  assertEquals((await router.post("/v1/chat/completions", chat("sim"))).status, 200);
});

function calls(router: RouterProcess): unknown[] {
  return router.log
    .filter(({ message }) => message === "call" || message === "call failed")
    .map((line) => line["request_id"])
    .filter((id) => String(id).startsWith("chaos-"));
}
