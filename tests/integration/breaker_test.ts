import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const BREAKER = "breaker: { failures: 5, base: 300ms, max: 1s }";

Deno.test("promise 22: a backend whose calls fail is ejected though its checks are good, and comes back by one trial", async () => {
  await using bad = Sim.start();
  await using good = Sim.start();
  await using router = await RouterProcess.start(
    `${backendsYaml([bad.url, good.url])}health: { interval: 1h, ${BREAKER} }\n` +
      "routing: { policy: round_robin }\n",
  );
  const ask = async (): Promise<[status: number, service: string | null]> => {
    const answer = await router.post("/v1/chat/completions", chat("sim"));
    await answer.body?.cancel();
    return [answer.status, answer.headers.get("x-infinilm-service")];
  };
  bad.setFault("error_500");
  for (let i = 0; i < 10; i++) await ask();
  await router.logged(({ message }) => message === "backend is ejected by its calls");
  const { services } = await (await router.fetch("/services")).json();
  const [{ healthy, ejected }] = services;
  assertEquals([healthy, ejected.reason], [true, "5 calls in a row failed (500)"]);
  bad.setFault("none");
  await until("the trial has brought it back", async () => {
    const [status] = await ask();
    assertEquals(status, 200);
    return router.log.some(({ message }) => message === "backend is back after a good call");
  });
  assertEquals((await (await router.fetch("/services")).json()).services[0].ejected, null);
});

Deno.test("promise 17: the last backend of a model keeps its traffic, whatever its calls say", async () => {
  await using only = Sim.start();
  await using router = await RouterProcess.start(
    `${backendsYaml([only.url])}health: { interval: 1h, ${BREAKER} }\n`,
  );
  only.setFault("error_500");
  for (let i = 0; i < 20; i++) {
    const answer = await router.post("/v1/chat/completions", chat("sim"));
    await answer.body?.cancel();
    assertEquals(answer.status, 500);
  }
  assertEquals(only.calls.length, 20);
  assert(router.log.some(({ message }) => message === "backend is ejected by its calls"));
});
