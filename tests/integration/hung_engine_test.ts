import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startInfinilm } from "../support/infinilm.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";
/** Checks are good all the time: an InfiniLM whose engine hangs answers them. */
const HEALTH = "health: { interval: 250ms, timeout: 250ms, stall_after: 500ms, slow_start: 0s }\n";
const KNOWN = "models: [m], engine: infinilm";
const LONG = { max_tokens: 200 };

Deno.test("an engine that hangs is found out, its calls without a byte go elsewhere, and others never notice", async () => {
  await using a = startInfinilm();
  await using b = startInfinilm();
  await using router = await RouterProcess.start(
    backendsYaml([a.url, b.url], [KNOWN, KNOWN]) + HEALTH + "retry: { budget: 1 }\n",
  );
  a.setFault("hung_step");
  const calls = Array.from(
    { length: 8 },
    () => router.post(CHAT, chat("m", "hi", { max_tokens: 4 })),
  );
  const answers = await Promise.all(calls);
  assertEquals(answers.map(({ status }) => status), new Array(8).fill(200));
  assertEquals(
    new Set(answers.map(({ headers }) => headers.get("x-infinilm-service"))),
    new Set(["b"]),
  );
  await Promise.all(answers.map((answer) => answer.body?.cancel()));
  const told = await router.logged((line) =>
    line.message === "backend is unhealthy" && String(line["cause"]).includes("hung")
  );
  assertEquals(told["backend"], "a");
  assertStringIncludes(String(told["cause"]), "hung: no byte to its calls, nor to one of 2 tokens");
  const { services } = await (await router.fetch("/services")).json();
  const [shown] = services.filter(({ name }: { name: string }) => name === "a");
  assertStringIncludes(JSON.stringify(shown), "hung");

  a.setFault("none");
  await until("it is in again once it generates", async () => {
    const { healthy_services } = await (await router.fetch("/health")).json();
    return healthy_services === "2/2";
  });
});

Deno.test("an engine that only takes long shows that it generates, and keeps its calls", async () => {
  await using a = startInfinilm({ timeToFirstTokenMs: 3000 });
  await using router = await RouterProcess.start(
    backendsYaml([a.url], ["models: [m], engine: infinilm"]) +
      HEALTH.replace("timeout: 250ms", "timeout: 20s").replace("interval: 250ms", "interval: 20s"),
  );
  const answer = await router.post(CHAT, chat("m", "hi", LONG));
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
  const causes = router.log.filter(({ message }) => message === "backend is unhealthy")
    .map((line) => String(line["cause"]));
  assertEquals(causes.filter((cause) => cause.includes("hung")), []);
  await until("it is well again", async () => {
    const { healthy_services } = await (await router.fetch("/health")).json();
    return healthy_services === "1/1";
  });
});

Deno.test("the only engine of a model that hangs is found out, so that new calls fail at once", async () => {
  await using a = startInfinilm();
  await using router = await RouterProcess.start(
    backendsYaml([a.url], [KNOWN]) + HEALTH,
  );
  a.setFault("hung_step");
  const stuck = router.post(CHAT, chat("m", "hi", { max_tokens: 4 }));
  await router.logged((line) => String(line["cause"]).startsWith("hung"));
  const refused = await router.post(CHAT, chat("m"));
  assertEquals([refused.status, refused.headers.get("retry-after")], [503, "5"]);
  await refused.body?.cancel();
  a.setFault("none");
  const late = await stuck;
  assertEquals(late.status, 200, "what has nowhere else to go waits on");
  await late.body?.cancel();
});

Deno.test("calls on a hung engine that had nowhere to go move as soon as another comes back", async () => {
  await using a = startInfinilm();
  await using b = startInfinilm();
  await using router = await RouterProcess.start(
    backendsYaml([a.url, b.url], ["engine: infinilm", "engine: infinilm"]) + HEALTH,
  );
  for (const engine of [a, b]) engine.setFault("hung_step");
  const calls = [1, 2, 3, 4].map((call) =>
    router.post("/v1/chat/completions", chat("m", `${call}`, { max_tokens: 3 }))
  );
  for (const name of ["a", "b"]) {
    await router.logged(({ message, backend }) =>
      message === "backend is unhealthy" && backend === name
    );
  }
  a.setFault("none");
  // Long before timeouts.request. One that was on its way to b when b fell may have had its second chance.
  const told = (await Promise.all(calls)).map(({ status }) => status);
  assertEquals(told.filter((status) => ![200, 502].includes(status)), []);
  assert(told.includes(200), `${told}`);
});
