import { assertEquals, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { chunk, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, routerCommand, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";
import { within } from "../support/within.ts";

Deno.test("SIGTERM lets a running stream end, takes no new connection, and ends with 0", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  const answer = await router.post(
    "/v1/chat/completions",
    chat("sim", "hi", { stream: true, max_tokens: 12 }),
  );
  router.signal("SIGTERM");
  await router.logged((line) => line.message === "draining");
  await until(
    "new connections are refused",
    () => RawClient.connect(router.port).then((client) => (client.close(), false), () => true),
  );
  assertStringIncludes(await answer.text(), "data: [DONE]");
  assertEquals((await router.status).code, 0);
});

Deno.test("SIGTERM loses no upload that is under way", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  using client = await RawClient.connect(router.port);
  const request = rawPost("/v1/chat/completions", JSON.stringify(chat("sim", "x".repeat(2000))));
  await client.write(request.slice(0, 400));
  await (await router.fetch("/livez")).body?.cancel();
  router.signal("SIGTERM");
  await router.logged((line) => line.message === "draining");
  await client.write(request.slice(400));
  assertEquals((await client.answer()).status, 200);
  assertEquals((await router.status).code, 0);
});

for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test(`a second signal, ${signal}, ends the router at once with ${code}`, async () => {
    await using sim = Sim.start({ fault: "stall_mid_stream", timeToFirstTokenMs: 0 });
    await using router = await RouterProcess.start(backendsYaml([sim.url]));
    const answer = await router.post("/v1/chat/completions", chat("sim", "hi", { stream: true }));
    router.signal("SIGTERM");
    await router.logged((line) => line.message === "draining");
    router.signal(signal);
    assertEquals((await router.status).code, code);
    await answer.text().catch(() => {});
  });
}

Deno.test("SIGHUP is logged, and neither ends a running stream nor the router", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  const answer = await router.post(
    "/v1/chat/completions",
    chat("sim", "hi", { stream: true, max_tokens: 8 }),
  );
  router.signal("SIGHUP");
  const { level } = await router.logged((line) => line.message.startsWith("SIGHUP ignored"));
  assertEquals(level, "INFO");
  assertStringIncludes(await answer.text(), "data: [DONE]");
  const again = await router.post("/v1/chat/completions", chat("sim"));
  assertEquals([again.status, (await again.json()).object], [200, "chat.completion"]);
  router.signal("SIGTERM");
  assertEquals((await router.status).code, 0);
});

Deno.test("SIGHUP changes nothing while the router drains", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  const answer = await router.post(
    "/v1/chat/completions",
    chat("sim", "hi", { stream: true, max_tokens: 12 }),
  );
  router.signal("SIGTERM");
  await router.logged((line) => line.message === "draining");
  router.signal("SIGHUP");
  assertStringIncludes(await answer.text(), "data: [DONE]");
  assertEquals((await router.status).code, 0);
  assertEquals(router.log.filter((line) => line.message.includes("SIGHUP")), []);
});

Deno.test("a simulated engine ends with 0 at SIGTERM, and with its terminal at SIGHUP", async () => {
  for (const [signal, code] of [["SIGTERM", 0], ["SIGHUP", 129]] as const) {
    const child = routerCommand(["sim", "--port", "0"]).spawn();
    const out = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await within(out.read(), "the engine's first line");
    assertStringIncludes(value!, "simulated engine on http://127.0.0.1:");
    child.kill(signal);
    assertEquals((await within(child.status, `the engine's end by ${signal}`)).code, code);
    await Promise.all([out.cancel(), child.stderr.cancel()]);
  }
});

Deno.test("checks go on while running answers end, so that what is found out still counts", async () => {
  await using peer = startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD);
    await conn.write(chunk("data: a\n\n"));
    await ended.promise;
    await conn.write(chunk());
  });
  const ended = Promise.withResolvers<void>();
  await using router = await RouterProcess.start(
    `${backendsYaml([`http://127.0.0.1:${peer.port}`])}health: { interval: 50ms, timeout: 50ms }\n`,
  );
  const answer = await router.post("/v1/chat/completions", chat("peer", "hi", { stream: true }));
  router.signal("SIGTERM");
  await router.logged((line) => line.message === "draining");
  const checks = (): number => peer.requests.filter(({ method }) => method === "GET").length;
  const before = checks();
  await until("checks go on", () => checks() > before + 2);
  ended.resolve();
  await answer.text();
  assertEquals((await router.status).code, 0);
});
