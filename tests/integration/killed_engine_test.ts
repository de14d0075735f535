import { assert, assertEquals } from "@std/assert";
import { backendsYaml, chat, type LogLine, RouterProcess } from "../support/router.ts";
import { SimProcess } from "../support/sim_process.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";
const PER_SECOND = 50;
const SLOW_START_MS = 2000;
/** How soon it must be said that nobody is there (promise 16). */
const PROMPT_MS = 50;

interface Told {
  readonly status: number;
  readonly text: string;
}

/** Calls at an even pace, every other one a stream, until it is stopped. */
class Traffic {
  readonly #router: RouterProcess;
  readonly #calls: Promise<Told>[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(router: RouterProcess) {
    this.#router = router;
    this.#timer = setInterval(() => {
      const call = this.#call(this.#calls.length);
      call.catch(() => {}); // told at the end
      this.#calls.push(call);
    }, 1000 / PER_SECOND);
  }

  get count(): number {
    return this.#calls.length;
  }

  async #call(index: number): Promise<Told> {
    const body = chat("sim", `${index}`, { stream: index % 2 === 0, max_tokens: 20 });
    const answer = await this.#router.post(CHAT, body);
    // A stream that had begun on a killed engine is cut behind its error event.
    return { status: answer.status, text: await answer.text().catch(() => "cut") };
  }

  /** What all of them got. */
  async stop(): Promise<Told[]> {
    clearInterval(this.#timer);
    return await Promise.all(this.#calls);
  }
}

function callsOn(router: RouterProcess, name: string, from: number): LogLine[] {
  return router.log.slice(from).filter((line) =>
    line.message === "call" && line["backend"] === name && line["status"] === 200
  );
}

Deno.test("promises 11, 16 and 24: one of three engines is killed under load, comes back slowly, then all are killed", async () => {
  await using stack = new AsyncDisposableStack();
  const engines = [1, 2, 3].map(() => stack.use(new SimProcess("--ttft", "20", "--tps", "200")));
  await Promise.all(engines.map((engine) => engine.start()));
  const [, b] = engines as [SimProcess, SimProcess, SimProcess];
  await using router = await RouterProcess.start(
    backendsYaml(engines.map(({ url }) => url)) +
      `health: { interval: 1s, timeout: 1s, slow_start: ${SLOW_START_MS}ms }\n` +
      "routing: { policy: round_robin }\n",
  );
  const traffic = new Traffic(router);
  stack.defer(async () => void await traffic.stop().catch(() => {}));
  await until("calls are served by all", () => callsOn(router, "b", 0).length > 20);

  const killedAt = router.log.length;
  await b.kill();
  const count = traffic.count;
  await until("many calls have come since", () => traffic.count > count + 2 * PER_SECOND);
  const attempts = router.log.slice(killedAt)
    .flatMap((line) => (line["failed_attempts"] as string[] | undefined) ?? []);
  const sent = attempts.filter((attempt) => attempt === "b:refused");
  assert(sent.length <= 1, `${sent.length} calls were sent to an engine that was gone`);

  await b.start();
  await router.logged((line) =>
    line.message === "backend is healthy" && line["backend"] === "b" &&
    router.log.indexOf(line) > killedAt
  );
  const backAt = router.log.length;
  const began = Date.now();
  await until("it has all its share again", () => Date.now() - began > SLOW_START_MS);
  const ramp = callsOn(router, "b", backAt).length;
  const others = callsOn(router, "a", backAt).length;
  assert(ramp > 0 && ramp < 0.85 * others, `${ramp} calls, others ${others}`);
  const fullAt = router.log.length;
  await until("it has its share", () => callsOn(router, "b", fullAt).length >= 20);
  assert(callsOn(router, "a", fullAt).length <= 26);

  const told = await traffic.stop();
  const failed = told.filter(({ status }) => status !== 200);
  assertEquals(failed, [], "calls without a first byte have gone elsewhere");
  const broken = told.filter(({ text }) => !text.includes('"finish_reason":"length"'));
  assert(broken.length <= 10, `${broken.length} streams ran on it`);

  await Promise.all(engines.map((engine) => engine.kill()));
  await until("nobody is healthy", async () => {
    const health = await (await router.fetch("/health")).json();
    return health.healthy_services === "0/3";
  });
  const took: number[] = [];
  while (took.length < 5 && !took.some((ms) => ms <= PROMPT_MS)) {
    const asked = performance.now();
    const answer = await router.post(CHAT, chat("sim"));
    took.push(performance.now() - asked);
    assertEquals([answer.status, (await answer.json()).code], [503, "no_healthy_backend"]);
    assert(Number(answer.headers.get("retry-after")) >= 1);
  }
  assert(took.some((ms) => ms <= PROMPT_MS), `${took} ms`);
  await b.start();
  await until("it serves again by itself", async () => {
    const answer = await router.post(CHAT, chat("sim"));
    await answer.body?.cancel();
    return answer.status === 200;
  });
});
