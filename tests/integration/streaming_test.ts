import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const STREAM = JSON.stringify(chat("sim", "hi", { stream: true, max_tokens: 8 }));

/** The `data:` payloads of an event stream's text. */
function payloads(text: string): string[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1]!);
}

Deno.test("promise 51: a stream's bytes reach the client as the engine sent them, and are logged with the engine's usage", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  const body = chat("sim", "hi", { stream: true, stream_options: { include_usage: true } });
  const through = await router.post("/v1/chat/completions", body, { "x-request-id": "usage" });
  const text = await through.text();
  assertEquals(payloads(text).at(-1), "[DONE]");
  const { usage } = JSON.parse(payloads(text).at(-2)!);
  const line = await router.call("usage");
  assertEquals([line["prompt_tokens"], line["completion_tokens"]], [
    usage.prompt_tokens,
    usage.completion_tokens,
  ]);
  assertEquals(line["bytes"], new TextEncoder().encode(text).length);
});

Deno.test("promise 53: an event stream is not stored, not buffered, and comes out as paced as it went in", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 50, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  const response = await router.post("/v1/chat/completions", STREAM);
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("x-accel-buffering"), "no");
  assertStringIncludes(response.headers.get("content-type")!, "text/event-stream");
  const arrivals: number[] = [];
  for await (const _ of response.body!) arrivals.push(Date.now());
  const spread = arrivals.at(-1)! - arrivals[0]!;
  assert(arrivals.length >= 8, `${arrivals.length} pieces for 8 tokens`);
  assert(spread >= 250, `8 tokens at 20 per second came within ${spread} ms`);
});

for (
  const [fault, code] of [["die_mid_stream", "upstream_broken"], [
    "stall_mid_stream",
    "upstream_idle_timeout",
  ]] as const
) {
  Deno.test(`promises 3 and 14: a stream that breaks with ${fault} ends in one error event, no [DONE], and a cut`, async () => {
    await using sim = Sim.start({ fault, faultAfter: 3, timeToFirstTokenMs: 0 });
    await using other = Sim.start({ models: ["other"] });
    await using router = await RouterProcess.start(
      `${backendsYaml([sim.url, other.url])}timeouts: { idle: 150ms }\n`,
    );
    using client = await RawClient.connect(router.port);
    await client.write(rawPost("/v1/chat/completions", STREAM, ["x-request-id: broken"]));
    const { status, body, complete } = await client.answer();
    assertEquals([status, complete], [200, false], "the last chunk never comes");
    const events = payloads(body);
    assert(!events.includes("[DONE]"));
    const { error } = JSON.parse(events.at(-1)!);
    assertEquals(Object.keys(error), ["message", "type", "code"]);
    assertEquals(error.code, code);
    assertEquals(events.filter((event) => event.includes('"error"')).length, 1);
    assertEquals(
      events.slice(0, -1).every((event) => JSON.parse(event).choices.length === 1),
      true,
    );
    assert(body.endsWith("\n\n"));
    const line = await router.call("broken");
    assertEquals([line["status"], line["code"], line["attempts"]], [200, code, 1]);
    assertEquals((await router.stats("a"))["error_count"], 1);
    assertEquals([sim.calls.length, other.calls.length], [1, 0], "nothing is re-sent");
  });
}

Deno.test("promise 3: a JSON answer that breaks off is cut, so that its length is not met", async () => {
  await using sim = Sim.start({ fault: "die_mid_stream", timeToFirstTokenMs: 0 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  using client = await RawClient.connect(router.port);
  await client.write(rawPost("/v1/chat/completions", JSON.stringify(chat("sim"))));
  const { status, complete, body } = await client.answer();
  assertEquals([status, complete], [200, false]);
  assert(!body.includes("upstream_broken"), "no error text inside somebody's JSON");
});

Deno.test("promise 15: no limit but silence cuts a stream", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}timeouts: { request: 300ms, idle: 300ms }\n`,
  );
  const response = await router.post(
    "/v1/chat/completions",
    chat("sim", "hi", { stream: true, max_tokens: 20 }),
  );
  assertEquals(payloads(await response.text()).at(-1), "[DONE]");
});

Deno.test("timeouts.total, where set, ends a stream that keeps talking", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 50 });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}timeouts: { total: 200ms }\n`,
  );
  using client = await RawClient.connect(router.port);
  await client.write(
    rawPost("/v1/chat/completions", STREAM.replace('"max_tokens":8', '"max_tokens":1000')),
  );
  const { body, complete } = await client.answer();
  assertEquals([complete, JSON.parse(payloads(body).at(-1)!).error.code], [
    false,
    "upstream_total_timeout",
  ]);
});

Deno.test("promise 9: an engine that answers a stream call with JSON is passed on as JSON", async () => {
  await using sim = Sim.start({ apiKey: "needed", models: ["sim"] });
  await using router = await RouterProcess.start(backendsYaml([sim.url], ["models: [sim]"]));
  const answer = await router.post("/v1/chat/completions", STREAM);
  const direct = await fetch(`${sim.url}/v1/chat/completions`, { method: "POST", body: STREAM });
  assertEquals([answer.status, answer.headers.get("content-type")], [
    401,
    direct.headers.get("content-type"),
  ]);
  assertEquals(await answer.text(), await direct.text());
  assertEquals(answer.headers.get("cache-control"), "no-transform");
});

Deno.test("live streams are not cut when a check takes their backend out", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}health: { interval: 200ms, timeout: 200ms }\n`,
  );
  const response = await router.post(
    "/v1/chat/completions",
    chat("sim", "hi", { stream: true, max_tokens: 20 }),
  );
  sim.setFault("fail_health");
  await router.logged((line) => line.message === "backend is unhealthy");
  const refused = await router.post("/v1/chat/completions", chat("sim"));
  assertEquals([refused.status, (await refused.json()).code], [503, "no_healthy_backend"]);
  assertEquals(payloads(await response.text()).at(-1), "[DONE]");
});
