import { assert, assertEquals, assertMatch } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { startEnginePeer } from "../support/engine_peer.ts";
import type { RawPeer } from "../support/raw_peer.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

/** What `/services` and `/stats` say of a healthy backend of which nothing but its url was configured. */
function infoOf(name: string, url: string): Record<string, unknown> {
  const port = Number(new URL(url).port);
  const babysitter_url = `http://127.0.0.1:${port + 1}`;
  const where = { host: "127.0.0.1", port, url, babysitter_url };
  return { name, ...where, healthy: true, weight: 1, metadata: {} };
}

Deno.test("status endpoints tell of healthy backends in the spec's fields, in both spellings", async () => {
  await using a = Sim.start({ models: ["Qwen3-32B"] });
  await using b = Sim.start({ models: ["9g_8b_thinking"] });
  await using router = await RouterProcess.start(backendsYaml([a.url, b.url]));
  for (const prefix of ["", "/v1"]) {
    const health = await router.fetch(`${prefix}/health`);
    const { timestamp, ...rest } = await health.json();
    assertEquals(health.status, 200);
    assertEquals(rest, {
      status: "healthy",
      router: "running",
      healthy_services: "2/2",
      registry_url: null,
      message: null,
    });
    assertMatch(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const { timestamp: _, ...status } = await (await router.fetch(`${prefix}/status`)).json();
    assertEquals(status, rest, "InfiniLM-SVC's other name for it");

    const services = await (await router.fetch(`${prefix}/services`)).json();
    assertEquals(services.total, 2);
    const { since, ...service } = services.services[0];
    assertMatch(since, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const uncounted = { request_count: 0, error_count: 0, response_time: 0, in_flight: 0 };
    assertEquals(service, {
      ...infoOf("a", a.url),
      ...uncounted,
      models: ["Qwen3-32B"],
      engine: "openai",
      max_in_flight: null,
      reason: null,
      ejected: null,
      drained: null,
      leaving: null,
    });

    const stats = await (await router.fetch(`${prefix}/stats`)).json();
    assertEquals([stats.total_services, stats.healthy_services], [2, 2]);
    assertEquals(stats.services[1], {
      ...infoOf("b", b.url),
      ...uncounted,
      models: ["9g_8b_thinking"],
    });
    assertEquals((await (await router.fetch(`${prefix}/livez`)).json()).status, "alive");
    assertEquals((await (await router.fetch(`${prefix}/readyz`)).json()).status, "ready");
  }
});

Deno.test("stats count what was sent, what failed and how long it took", async () => {
  await using sim = Sim.start();
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  for (let i = 0; i < 3; i++) {
    await (await router.post("/chat/completions", chat("sim"))).body?.cancel();
  }
  sim.setFault("error_500");
  await (await router.post("/chat/completions", chat("sim"))).body?.cancel();
  const stats = await router.stats("a");
  assertEquals([stats["request_count"], stats["error_count"], stats["in_flight"]], [4, 1, 0]);
  assert((stats["response_time"] as number) > 0.02, JSON.stringify(stats));
});

Deno.test("health says degraded and 200 with one backend down, unhealthy and 503 with all down", async () => {
  await using a = Sim.start();
  await using b = Sim.start({ fault: "fail_health" });
  await using router = await RouterProcess.start(
    `${backendsYaml([a.url, b.url])}health: { interval: 200ms, timeout: 200ms }\n`,
    { healthy: false },
  );
  await router.logged((line) => line.message === "backend is healthy");
  const degraded = await router.fetch("/health");
  const body = await degraded.json();
  assertEquals([degraded.status, body.status, body.healthy_services], [200, "degraded", "1/2"]);

  a.setFault("fail_health");
  await router.logged((line) => line.message === "backend is unhealthy" && line["backend"] === "a");
  const unhealthy = await router.fetch("/health");
  assertEquals([unhealthy.status, (await unhealthy.json()).status], [503, "unhealthy"]);
  const ready = await router.fetch("/readyz");
  assertEquals([ready.status, (await ready.json()).status], [503, "no healthy backend"]);
  const live = await router.fetch("/livez");
  assertEquals(live.status, 200);
  await live.body?.cancel();
});

Deno.test("promise 52: the model list is the union over healthy backends, sorted, with root, and survives a partial failure", async () => {
  await using a = Sim.start({ models: ["zeta", "org/shared"] });
  await using b = Sim.start({ models: ["alpha", "org/shared"] });
  await using c = Sim.start({ models: ["gone"], fault: "fail_health" });
  await using router = await RouterProcess.start(backendsYaml([a.url, b.url, c.url]), {
    healthy: false,
  });
  const up = new Set<unknown>();
  await router.logged((line) =>
    line.message === "backend is healthy" && up.add(line["backend"]).size === 2
  );
  for (const path of ["/models", "/v1/models", "/v1/models?limit=5"]) {
    const list = await (await router.fetch(path)).json();
    assertEquals(list.object, "list");
    assertEquals(list.data.map((model: { id: string }) => model.id), [
      "alpha",
      "org/shared",
      "zeta",
    ]);
    const [{ created, ...card }] = list.data;
    assertEquals(card, {
      id: "alpha",
      object: "model",
      owned_by: "sim",
      root: "alpha",
    });
    assert(Math.abs(created - Date.now() / 1000) < 60);
  }
  for (const path of ["/v1/models/org/shared", "/models/org%2Fshared"]) {
    assertEquals((await (await router.fetch(path)).json()).id, "org/shared");
  }
  const missing = await router.fetch("/v1/models/gone");
  assertEquals([missing.status, (await missing.json()).code], [404, "not_found"]);
});

Deno.test("a backend whose models appear only after its start is asked again soon", async () => {
  await using sim = Sim.start({ models: ["late"], fault: "refuse" });
  await using router = await RouterProcess.start(backendsYaml([sim.url]), { healthy: false });
  const early = await router.post("/chat/completions", chat("late"));
  assertEquals([early.status, (await early.json()).code], [503, "no_healthy_backend"]);
  assertMatch(early.headers.get("retry-after") ?? "", /^\d+$/);
  sim.setFault("none");
  await router.logged((line) => line.message === "backend is healthy");
  const answer = await router.post("/chat/completions", chat("late"));
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("the model list tells what the backends of a model agree on, listed in the configuration or not", async () => {
  const engine = (...cards: Record<string, unknown>[]): RawPeer =>
    startEnginePeer(() => {}, { cards });
  const permission = [{ allow_sampling: true }];
  const alike = { owned_by: "vllm", parent: null, permission, created: 3 };
  await using a = engine({ id: "m", ...alike, root: "/a", max_model_len: 262144 });
  await using b = engine({ id: "m", ...alike, root: "/b", max_model_len: 8192 }, { id: "x" });
  await using c = engine({ id: "alone", ...alike, root: "/c" });
  const urls = [a, b, c].map(({ port }) => `http://127.0.0.1:${port}`);
  await using router = await RouterProcess.start(backendsYaml(urls, ["", "models: [m]"]));
  const fields = { owned_by: "vllm", parent: null, permission };
  let list: { data: Record<string, unknown>[] } | undefined;
  await until("the list of the configured backend has been read", async () => {
    list = await (await router.fetch("/v1/models")).json();
    return list!.data[1]?.["max_model_len"] === 8192;
  });
  const data = list!.data.map(({ created, ...card }) => [(created as number) > 1e9, card]);
  assertEquals(data, [
    [true, { id: "alone", object: "model", ...fields, root: "/c" }],
    [true, { id: "m", object: "model", ...fields, root: "m", max_model_len: 8192 }],
  ]);
  assertEquals(await (await router.fetch("/v1/models/m")).json(), list!.data[1]);
});
