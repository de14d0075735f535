import { Chance } from "../support/chance.ts";
import { connectionsTo } from "../support/connections_to.ts";
import { descriptors } from "../support/descriptors.ts";
import { chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";
import { contradictions } from "./account.ts";
import { callAs, type Seen } from "./clients.ts";
import { Engines } from "./engines.ts";
import { scenarioOf } from "./scenario.ts";

/** Calls that are open at the same time. */
const CLIENTS = 96;
/** Idle connections to engines are closed after 3 s; this many are kept for checks. */
const KEPT = 2;

/** Ids of the clients' calls. */
const OWN = /^\d+$/;

/** How the calls of a run ended, by what their clients got: `200`, `503`, `left`. */
export type Ends = Readonly<Record<string, number>>;

/**
 * So many calls through a real router to engines that fail in all ways, by clients of whom some leave: all chosen
 * by the seed. Throws with all that does not hold afterwards.
 */
export async function chaos(seed: number, { calls }: { calls: number }): Promise<Ends> {
  const chance = new Chance(seed);
  const scenario = scenarioOf(chance);
  const folder = await Deno.makeTempDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const file = `${folder}/backends.json`;
  const engines = stack.use(new Engines(scenario, { chance, file }));
  const router = stack.use(
    await RouterProcess.start(
      `discovery:\n  - file: { path: "${file}", removal_grace: 200ms }\n${scenario.yaml}`,
    ),
  );
  try {
    await allWell(router);
    const before = descriptors(router.pid);
    engines.begin();
    const seen = await makeCalls(calls, { router, chance });
    await engines.end();
    await backToTheStart(router, { engines, before });
    const found = (): string[] => contradictionsIn(seen, { router, engines });
    // The last lines, and the last requests of clients that had left, may still be on their way.
    await until("each call is accounted for", () => found().length === 0).catch(() => {});
    const left = found();
    if (left.length > 0) {
      throw new Error(`${left.length} contradictions:\n${left.slice(0, 5).join("\n")}`);
    }
    const defects = router.log.filter(({ message }) => message === "internal error");
    if (defects.length > 0) throw new Error(`internal errors: ${JSON.stringify(defects[0])}`);
    if (router.noise !== "") throw new Error(`it said: ${router.noise.slice(0, 2000)}`);
    return endsOf(seen);
  } catch (error) {
    throw new Error(`deno task chaos --seed ${seed} --calls ${calls}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function contradictionsIn(
  clients: readonly Seen[],
  { router, engines }: { router: RouterProcess; engines: Engines },
): string[] {
  const isOwn = (id: unknown): boolean => OWN.test(String(id));
  return contradictions({
    clients,
    log: router.log.filter((line) =>
      /^call( failed)?$/.test(line.message) && isOwn(line["request_id"])
    ),
    engines: engines.calls.filter(({ headers }) => isOwn(headers["x-request-id"])),
  });
}

async function makeCalls(
  calls: number,
  { router, chance }: { router: RouterProcess; chance: Chance },
): Promise<Seen[]> {
  const seen: Seen[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < calls) seen.push(await callAs(`${next++}`, { port: router.port, chance }));
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return seen;
}

/** Waits until all three engines are healthy, and a call of each kind works. */
async function allWell(router: RouterProcess): Promise<void> {
  await until("all engines are well", async () => {
    const health = await (await router.fetch("/health")).json();
    return health.healthy_services === "3/3";
  });
  await until("a call works", async () => {
    const answer = await router.post("/v1/chat/completions", chat("sim", "hi", { max_tokens: 2 }));
    await answer.body?.cancel();
    return answer.status === 200;
  });
}

async function backToTheStart(
  router: RouterProcess,
  { engines, before }: { engines: Engines; before: number },
): Promise<void> {
  await until("nothing is in flight, and nobody waits", async () => {
    const { services, queued } = await (await router.fetch("/stats")).json();
    const inFlight = services.some(({ in_flight }: { in_flight: number }) => in_flight > 0);
    return !inFlight && Object.keys(queued).length === 0;
  });
  await until("engines are idle", () => engines.running === 0);
  await allWell(router);
  await until(
    "connections to engines are closed",
    () => engines.ports.every((port) => connectionsTo(port) <= KEPT),
    { seen: () => engines.ports.map(connectionsTo) },
  );
  await until("descriptors are given back", () => descriptors(router.pid) <= before + KEPT, {
    seen: () => `${descriptors(router.pid)} descriptors, ${before} before`,
  });
}

function endsOf(seen: readonly Seen[]): Ends {
  const ends: Record<string, number> = {};
  for (const { status, complete } of seen) {
    const end = status === undefined ? "left" : complete ? String(status) : `${status} cut`;
    ends[end] = (ends[end] ?? 0) + 1;
  }
  return ends;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
