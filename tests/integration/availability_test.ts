import { assertEquals, assertMatch } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { jsonAnswer, posts, startEnginePeer } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { keptConnectionsGone } from "../support/connections_to.ts";
import { until } from "../support/until.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const QUICK_CHECKS = "health: { interval: 200ms, timeout: 200ms }\n";

function urlOf(peer: { port: number }): string {
  return `http://127.0.0.1:${peer.port}`;
}

async function services(router: RouterProcess): Promise<Record<string, unknown>[]> {
  return (await (await router.fetch("/services")).json()).services;
}

Deno.test("a backend that never comes up is told once for each reason, and shown with it and since when", async () => {
  const closed = startEnginePeer(() => {});
  await closed[Symbol.asyncDispose]();
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(closed)])}${QUICK_CHECKS}`,
    { healthy: false },
  );
  const line = await router.logged(({ message }) => message === "backend is unhealthy");
  assertEquals(line["backend"], "a");
  assertMatch(String(line["cause"]), /^\/health: .*refused/i);
  const [service] = await services(router);
  assertEquals([service!["healthy"], service!["reason"]], [false, line["cause"]]);
  assertMatch(String(service!["since"]), /^\d{4}-\d\d-\d\dT/);
  await using _sim = RawPeer.start(async (conn) => {
    while (await conn.readRequest()) await conn.write(jsonAnswer({}, { status: "404 X" }));
  }, { port: closed.port });
  await router.logged(({ message, cause }) =>
    message === "backend is unhealthy" && cause === "/health answered 404"
  );
  const told = router.log.filter(({ message }) => message === "backend is unhealthy");
  assertEquals(told.length, 2);
});

Deno.test("a backend whose model list is not to be had is told, shown, and does not make the router ready", async () => {
  await using peer = RawPeer.start(async (conn) => {
    for (let request = await conn.readRequest(); request; request = await conn.readRequest()) {
      const status = request.target === "/health" ? "200 OK" : "401 Unauthorized";
      await conn.write(jsonAnswer({}, { status }));
    }
  });
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const line = await router.logged(({ message }) => message === "backend tells no models");
  assertEquals(line["cause"], "/v1/models answered 401, /models answered 401");
  const [service] = await services(router);
  assertEquals([service!["healthy"], service!["reason"]], [true, line["cause"]]);
  const ready = await router.fetch("/readyz");
  assertEquals([ready.status, (await ready.json()).status], [503, "no models known yet"]);
});

Deno.test("a backend that lists no models has not said them yet: a call for one may be repeated", async () => {
  await using peer = RawPeer.start(async (conn) => {
    while (await conn.readRequest()) await conn.write(jsonAnswer({ object: "list", data: [] }));
  });
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const answer = await router.post("/v1/chat/completions", chat("m"));
  assertEquals([answer.status, answer.headers.get("x-should-retry")], [503, null]);
  assertEquals((await answer.json()).code, "model_not_found");
});

Deno.test("the last backend of a model keeps its traffic when a call cannot connect", async () => {
  let held: PromiseWithResolvers<void> | undefined;
  await using peer = startEnginePeer(async (conn) => {
    await held?.promise;
    await conn.write(jsonAnswer({ ok: true }));
  });
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)], ["models: [peer]"])}health: { interval: 10m, timeout: 1m }\n`,
  );
  const body = JSON.stringify(chat("peer"));
  // As many kept connections to the backend as clients were busy at the same time.
  const clients = await Promise.all([0, 1, 2].map(() => RawClient.connect(router.port)));
  held = Promise.withResolvers();
  for (const client of clients) await client.write(rawPost("/v1/chat/completions", body));
  await until("each has one", () => posts(peer).length === 3);
  held.resolve();
  for (const client of clients) assertEquals((await client.answer()).status, 200);
  peer.stopListening();
  const statuses = async (count: number): Promise<number[]> => {
    const asked = clients.slice(0, count);
    for (const client of asked) await client.write(rawPost("/v1/chat/completions", body));
    return Promise.all(asked.map(async (client) => (await client.answer()).status));
  };
  using extra = await RawClient.connect(router.port);
  clients.push(extra);
  held = Promise.withResolvers();
  const oneTooMany = statuses(4);
  await router.logged(({ message }) => message === "backend is unhealthy");
  held.resolve();
  assertEquals((await oneTooMany).sort(), [200, 200, 200, 502]);
  for (let round = 0; round < 20; round++) assertEquals(await statuses(1), [200]);
  for (const client of clients) client.close();
});

Deno.test("a backend that takes no new connections stays out until one can be made again", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using other = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer), urlOf(other)])}${QUICK_CHECKS}routing: { policy: round_robin }\n`,
  );
  const many = async (count: number): Promise<number[]> => {
    const answers = await Promise.all(
      Array.from({ length: count }, () => router.post("/v1/chat/completions", chat("peer"))),
    );
    for (const answer of answers) await answer.body?.cancel();
    return answers.map(({ status }) => status);
  };
  await many(8); // kept connections
  peer.stopListening();
  assertEquals(await many(40), Array(40).fill(200));
  await router.logged(({ message }) => message === "backend is unhealthy");
  const before = posts(peer).length;
  for (let burst = 0; burst < 10; burst++) assertEquals(await many(8), Array(8).fill(200));
  assertEquals(posts(peer).length, before);
  const flips = router.log.filter(({ message, backend }) =>
    message === "backend is healthy" && backend === "a"
  );
  assertEquals(flips.length, 1);
});

Deno.test("a call without a byte goes elsewhere as soon as its backend says that it cannot serve", async () => {
  await using a = Sim.start({ models: ["m"], fault: "stall_after_head" });
  await using b = Sim.start({ models: ["m"] });
  await using router = await RouterProcess.start(
    `${backendsYaml([a.url, b.url])}${QUICK_CHECKS}routing: { policy: round_robin }\n`,
  );
  const asked = router.post("/v1/chat/completions", chat("m", "hi", { stream: true }), {
    "x-request-id": "moved",
  });
  await until("the engine has the call", () => a.running > 0);
  a.setFault("fail_health");
  const answer = await asked;
  assertEquals([answer.status, answer.headers.get("x-infinilm-service")], [200, "b"]);
  await answer.body?.cancel();
  assertEquals(a.calls.map(({ ended }) => ended), ["client_left"]);
  const line = await router.call("moved");
  assertEquals([line["attempts"], line["resent"], line["failed_attempts"]], [2, 1, [
    "a:broke/body",
  ]]);
});

Deno.test("promise 28: calls on kept connections that their server closes at an age that is known are served all the same", async () => {
  await using sim = Sim.start({
    models: ["m"],
    idleCloseMs: 250,
    timeToFirstTokenMs: 0,
    tokensPerSecond: 0,
  });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}health: { interval: 10m, timeout: 1m }\n`,
  );
  const post = async (): Promise<void> => {
    const answer = await router.post("/v1/chat/completions", chat("m", "x", { max_tokens: 1 }));
    assertEquals(answer.status, 200, await answer.text());
  };
  await post();
  await keptConnectionsGone(router, sim.port); // now the age is known
  const one = async (client: number): Promise<void> => {
    for (let call = 0; call < 8; call++) {
      await post();
      // The pause is what is tested.
      await new Promise((resolve) => setTimeout(resolve, 244 + ((client + call) % 8)));
    }
  };
  await Promise.all(Array.from({ length: 30 }, (_, client) => one(client)));
  assertEquals((await router.stats("a"))["error_count"], 0);
});
