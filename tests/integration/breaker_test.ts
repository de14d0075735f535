import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, chat, type LogLine, RouterProcess } from "../support/router.ts";
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

Deno.test("promise 23: a backend that fails as soon as it is back is ejected for longer each time, and few calls notice", async () => {
  const fast = { timeToFirstTokenMs: 0, tokensPerSecond: 0 };
  await using flapping = Sim.start(fast);
  await using good = Sim.start(fast);
  await using router = await RouterProcess.start(
    `${
      backendsYaml([flapping.url, good.url])
    }health: { interval: 1h, slow_start: 0s, ${BREAKER} }\n` +
      "routing: { policy: round_robin }\n",
  );
  const turns = (): LogLine[] =>
    router.log.filter(({ message }) => /^backend is (ejected|back)/.test(message));
  let failed = 0;
  await until("it has been ejected three times, and was back", async () => {
    flapping.setFault(turns().length % 2 === 0 ? "error_500" : "none");
    const answer = await router.post("/v1/chat/completions", chat("sim"));
    await answer.body?.cancel();
    if (answer.status !== 200) failed++;
    return turns().length === 6;
  });
  const [first, second, third] = [0, 2, 4].map((index) => {
    const [ejected, back] = turns().slice(index).map((line) => Date.parse(`${line["@timestamp"]}`));
    return back! - ejected!;
  });
  assert(second! > 1.5 * first! && third! > 2 * first!, `${first}, ${second}, ${third} ms`);
  // The log is a few milliseconds behind.
  assert(failed < 3 * 20, `${failed} calls failed`);
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
