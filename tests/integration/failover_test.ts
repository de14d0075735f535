import { assert, assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { idle } from "../support/idle.ts";
import { keptConnectionsGone } from "../support/connections_to.ts";
import { until } from "../support/until.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

/** Checks so rare that only real traffic can tell the router what has happened to a backend. */
const RARE_CHECKS = "health: { interval: 10m }\n";

async function post(
  router: RouterProcess,
  body: unknown,
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await router.post("/v1/chat/completions", body);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

Deno.test("promise 4: calls to a backend that refuses connections are served by another, and it is taken out", async () => {
  await using a = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  await using b = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  await using router = await RouterProcess.start(
    `${backendsYaml([a.url, b.url])}${RARE_CHECKS}routing: { policy: round_robin }\n`,
  );
  a.setFault("refuse");
  await keptConnectionsGone(router, a.port);
  for (let i = 0; i < 200; i++) assertEquals((await post(router, chat("sim"))).status, 200);
  assertEquals(b.calls.length, 200);
  const down = await router.logged((line) => line.message === "backend is unhealthy");
  assertEquals([down["backend"], down["cause"]], [
    "a",
    "a call could not connect: Connection refused (os error 111)",
  ]);
  assertEquals((await router.stats("a"))["error_count"], 1, "one refused call is enough");

  a.setFault("none");
  let ups = 0;
  await router.logged((line) =>
    line.message === "backend is healthy" && line["backend"] === "a" && ++ups === 2
  );
  for (let i = 0; i < 10; i++) await post(router, chat("sim"));
  assert(a.calls.length >= 4, `back in rotation, got ${a.calls.length}`);
});

for (const fault of ["close", "reset"] as const) {
  Deno.test(`promise 5: a call whose backend breaks with ${fault} before the first byte is re-sent once, to another`, async () => {
    await using a = Sim.start({ fault });
    await using b = Sim.start();
    await using router = await RouterProcess.start(
      `${backendsYaml([a.url, b.url])}${RARE_CHECKS}routing: { policy: round_robin }\n`,
    );
    for (let i = 0; i < 4; i++) assertEquals((await post(router, chat("sim"))).status, 200);
    assertEquals(a.calls.length, 2);
    assertEquals(b.calls.length, 4);
    const line = await router.logged((line) => line.message === "call" && line["attempts"] === 2);
    assertEquals([line["backend"], line["resent"]], ["b", 1]);
  });

  Deno.test(`promise 5: a call that breaks two backends with ${fault} stops there`, async () => {
    await using a = Sim.start({ fault });
    await using b = Sim.start({ fault });
    await using c = Sim.start();
    await using router = await RouterProcess.start(
      `${backendsYaml([a.url, b.url, c.url])}${RARE_CHECKS}routing: { policy: round_robin }\n`,
    );
    const { status, text, headers } = await post(router, chat("sim"));
    assertEquals([status, JSON.parse(text).code], [502, "suspected_poison"]);
    assertEquals(headers.get("x-should-retry"), "false");
    assertEquals([a.calls.length, b.calls.length, c.calls.length], [1, 1, 0]);
  });
}

for (const [fault, status] of [["error_503", 503], ["error_429", 429]] as const) {
  Deno.test(`promise 19: an answered ${status} sends the call to another backend, and others for as long as it says`, async () => {
    await using a = Sim.start({ fault });
    await using b = Sim.start();
    await using router = await RouterProcess.start(
      `${backendsYaml([a.url, b.url])}${RARE_CHECKS}routing: { policy: round_robin }\n`,
    );
    for (let i = 0; i < 4; i++) {
      const answer = await post(router, chat("sim"));
      assertEquals([answer.status, answer.headers.get("x-infinilm-service")], [200, "b"]);
    }
    assertEquals(a.calls.length, 1, "its retry-after: 1 is heeded");
    const stats = await router.stats("a");
    assertEquals(stats["error_count"], status === 429 ? 0 : 1, "429 is pressure, not a fault");
  });

  Deno.test(`when every backend answers ${status}, the last answer passes unchanged`, async () => {
    await using a = Sim.start({ fault });
    await using b = Sim.start({ fault });
    await using router = await RouterProcess.start(`${backendsYaml([a.url, b.url])}${RARE_CHECKS}`);
    const answer = await post(router, chat("sim"));
    const direct = await fetch(`${a.url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify(chat("sim")),
    });
    assertEquals(answer.status, status);
    assertEquals(answer.text, await direct.text());
    assertEquals(answer.headers.get("retry-after"), "1");
    assertEquals([a.calls.length, b.calls.length], [2, 1]);
  });
}

Deno.test("attempts end at retry.attempts, and no backend is asked twice", async () => {
  const sims = Array.from({ length: 4 }, () => Sim.start({ fault: "error_503" }));
  await using router = await RouterProcess.start(
    `${backendsYaml(sims.map((sim) => sim.url))}${RARE_CHECKS}retry: { attempts: 3 }\n`,
  );
  assertEquals((await post(router, chat("sim"))).status, 503);
  assertEquals(sims.map((sim) => sim.calls.length).sort(), [0, 1, 1, 1]);
  for (const sim of sims) await sim.stop();
});

Deno.test("promise 13: a backend that never answers ends in 504 after timeouts.request, is not asked again, and nobody else is", async () => {
  for (const stream of [false, true]) {
    for (const fault of ["stall_before_head", "stall_after_head"] as const) {
      await using a = Sim.start({ fault });
      await using b = Sim.start({ fault });
      await using router = await RouterProcess.start(
        `${backendsYaml([a.url, b.url])}${RARE_CHECKS}timeouts: { request: 200ms }\n`,
      );
      const { status, text, headers } = await post(router, chat("sim", "hi", { stream }));
      assertEquals([status, JSON.parse(text).code], [504, "upstream_timeout"]);
      assertEquals(headers.get("x-should-retry"), "false");
      await Promise.all([idle(a), idle(b)]);
      const calls = [...a.calls, ...b.calls];
      assertEquals(calls.map((call) => call.ended), ["client_left"], "its socket was closed");
    }
  }
});

Deno.test("promise 20: a backend's own 4xx passes unchanged, is not retried and is not held against it", async () => {
  await using a = Sim.start({ apiKey: "secret" });
  await using b = Sim.start({ apiKey: "secret" });
  const extra = ['api_key: ""', 'models: ["sim"]'];
  await using router = await RouterProcess.start(
    `${backendsYaml([a.url, b.url], [extra[1]!, extra[1]!])}${RARE_CHECKS}`,
  );
  const answer = await post(router, chat("sim"));
  const direct = await fetch(`${a.url}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify(chat("sim")),
  });
  assertEquals([answer.status, answer.text], [401, await direct.text()]);
  const counts = [await router.stats("a"), await router.stats("b")];
  assertEquals(counts.map((stats) => stats["error_count"]), [0, 0]);
  assertEquals(counts.reduce((sum, stats) => sum + (stats["request_count"] as number), 0), 1);
});

Deno.test("a backend with an api_key gets it, and one without gets the client's", async () => {
  await using keyed = Sim.start({ apiKey: "theirs", models: ["keyed"] });
  await using open = Sim.start({ models: ["open"] });
  await using router = await RouterProcess.start(
    backendsYaml([keyed.url, open.url], ["api_key: theirs"]),
  );
  const headers = { authorization: "Bearer mine" };
  for (const model of ["keyed", "open"]) {
    const response = await router.post("/v1/chat/completions", chat(model), headers);
    assertEquals(response.status, 200);
    await response.body?.cancel();
  }
  assertEquals(keyed.calls[0]!.headers["authorization"], "Bearer theirs");
  assertEquals(open.calls[0]!.headers["authorization"], "Bearer mine");
});

Deno.test("a backend at max_in_flight gets no more; when all are and no call may wait, the answer is 429 with retry-after", async () => {
  await using a = Sim.start({ fault: "stall_before_head" });
  await using b = Sim.start({ fault: "stall_before_head" });
  await using router = await RouterProcess.start(
    backendsYaml([a.url, b.url], ["max_in_flight: 2", "max_in_flight: 1"]) + "queue: { size: 0 }\n",
  );
  const leaving = new AbortController();
  const running = [1, 2, 3].map(() =>
    router.fetch("/chat/completions", {
      method: "POST",
      body: JSON.stringify(chat("sim")),
      signal: leaving.signal,
    }).catch(() => {})
  );
  const inFlight = async (name: string): Promise<unknown> =>
    (await router.stats(name))["in_flight"];
  await until("both are full", async () => await inFlight("a") === 2 && await inFlight("b") === 1);
  const { status, text, headers } = await post(router, chat("sim"));
  assertEquals([status, JSON.parse(text).code], [429, "overloaded"]);
  assertEquals(headers.get("retry-after"), "1");
  leaving.abort();
  await Promise.all(running);
});

Deno.test("promise 25: calls count until the end of the body, so short calls avoid the backend with long streams", async () => {
  await using a = Sim.start({
    tokensPerSecond: 5,
    timeToFirstTokenMs: 0,
    models: ["long", "short"],
  });
  await using b = Sim.start({ tokensPerSecond: 0, timeToFirstTokenMs: 0, models: ["short"] });
  await using router = await RouterProcess.start(backendsYaml([a.url, b.url]));
  const leaving = new AbortController();
  const streams = await Promise.all(
    Array.from({ length: 20 }, () =>
      router.fetch("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify(chat("long", "hi", { stream: true, max_tokens: 1000 })),
        signal: leaving.signal,
      })),
  );
  assertEquals((await router.stats("a"))["in_flight"], 20);
  for (let i = 0; i < 20; i++) {
    const { headers } = await post(router, chat("short", "hi", { max_tokens: 2 }));
    assertEquals(headers.get("x-infinilm-service"), "b");
  }
  leaving.abort();
  for (const response of streams) await response.text().catch(() => {});
  await until(
    "the places are given back",
    async () => (await router.stats("a"))["in_flight"] === 0,
  );
});
