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

Deno.test("promise 54: within shutdown.grace /readyz says 503 at once, and who still comes is served and told to close", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}shutdown: { grace: 1s }\n`,
  );
  using kept = await RawClient.connect(router.port);
  await kept.post("/v1/chat/completions", chat("sim"));
  assertEquals((await kept.answer()).headers.get("connection"), null);
  router.signal("SIGTERM");
  await router.logged((line) => line.message === "draining");
  using probe = await RawClient.connect(router.port);
  await probe.write("GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n");
  assertEquals((await probe.answer()).status, 503);
  for (const client of [kept, await RawClient.connect(router.port)]) {
    using _ = client;
    await client.post("/v1/chat/completions", chat("sim", "hi", { stream: true }));
    const { status, headers, complete } = await client.answer();
    assertEquals([status, headers.get("connection"), complete], [200, "close", true]);
  }
  assertEquals((await router.status).code, 0);
});

Deno.test("promise 54: what shutdown.timeout leaves of a stream is told and cut, a call without an answer gets 503, and the end is 0", async () => {
  await using silent = Sim.start({ fault: "stall_mid_stream", timeToFirstTokenMs: 0 });
  await using never = Sim.start({ models: ["never"], fault: "stall_before_head" });
  await using router = await RouterProcess.start(
    `${backendsYaml([silent.url, never.url])}shutdown: { timeout: 300ms }\n`,
  );
  using stream = await RawClient.connect(router.port);
  await stream.post("/v1/chat/completions", chat("sim", "hi", { stream: true }));
  await stream.until('"content":');
  using waiting = await RawClient.connect(router.port);
  await waiting.post("/v1/chat/completions", chat("never"));
  await until("an engine has the other", () => never.running === 1);
  using upload = await RawClient.connect(router.port);
  await upload.write(
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n{",
  );
  await (await router.fetch("/livez")).body?.cancel();
  router.signal("SIGTERM");
  const told = await stream.until('"code":"shutting_down"');
  assertStringIncludes(told, 'data: {"error":');
  assertEquals((await stream.rest()).includes("\r\n0\r\n"), false, "and cut");
  const { status, headers, body } = await waiting.answer();
  assertEquals([status, JSON.parse(body).code], [503, "shutting_down"]);
  assertEquals(headers.get("retry-after"), "1");
  assertStringIncludes(await upload.until('"code":"shutting_down"'), "503");
  assertEquals((await router.status).code, 0);
  const { calls } = await router.logged(({ message }) =>
    message === "calls are cut: shutdown.timeout"
  );
  assertEquals(calls, 3);
  const stats = router.log.filter(({ message }) => message === "call failed");
  assertEquals(
    new Set(stats.map((line) => line["outcome"])),
    new Set(["router_failed", undefined]),
  );
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

Deno.test("SIGHUP has the configuration read again, and ends neither a running stream nor the router", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  const answer = await router.post(
    "/v1/chat/completions",
    chat("sim", "hi", { stream: true, max_tokens: 8 }),
  );
  router.signal("SIGHUP");
  const { level } = await router.logged((line) =>
    line.message === "the configuration was read again"
  );
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
  assertEquals(router.log.filter((line) => line.message.includes("configuration")), []);
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
