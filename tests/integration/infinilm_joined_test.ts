import { assert, assertEquals } from "@std/assert";
import { idle } from "../support/idle.ts";
import { lastBody, startInfinilm } from "../support/infinilm.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";
const JOINED = "stream_upstream: true";

/** What every answer has anew, and what a stream does not tell. */
const LEFT_OUT: ReadonlySet<string> = new Set(["id", "created", "model", "usage", "request_id"]);

async function answerTo(router: RouterProcess, [path, body]: Ask, model: string): Promise<unknown> {
  const answer = await router.post(path, { ...body, model });
  const told = JSON.parse(
    await answer.text(),
    (key, value) => LEFT_OUT.has(key) ? undefined : value,
  );
  const type = answer.headers.get("content-type");
  return { status: answer.status, type, told };
}

type Ask = readonly [path: string, body: Record<string, unknown>];

function asked(content: unknown, more: Record<string, unknown> = {}): Ask {
  return [CHAT, { messages: [{ role: "user", content }], max_tokens: 12, ...more }];
}

/** Calls whose answers are the same whole and joined. */
const SAME: Readonly<Record<string, Ask>> = {
  "words": asked("hi"),
  "Chinese": asked("山东最高的山是？"),
  "a character of two tokens": asked("echo: a 🍀 b 🍀 c"),
  "a stop string": asked("echo: one two three four", { stop: [" three"] }),
  "no text": asked("hi", { max_tokens: 1 }),
  "the model's own end": asked("hi", { max_tokens: 500 }),
  "a line end at the end": asked("echo: one\n\n two"),
  "what looks like the end of a stream": asked("echo: data: [DONE] data: {"),
  "several parts": asked([{ type: "text", text: "echo: a" }, { type: "text", text: "b" }]),
  "what the engine rejects": asked(5),
  "a completion": ["/v1/completions", { prompt: "echo: one two three", max_tokens: 12 }],
  "a list of prompts": ["/v1/completions", { prompt: ["echo: a b", "echo: c d"], max_tokens: 9 }],
};

Deno.test("an answer that is joined is the one that the engine gives whole", async () => {
  await using whole = startInfinilm({ models: ["whole"], eosAfter: 20 });
  await using joined = startInfinilm({ models: ["joined"], eosAfter: 20 });
  const config = backendsYaml([whole.url, joined.url], ["", JOINED]);
  await using router = await RouterProcess.start(config);
  for (const [name, ask] of Object.entries(SAME)) {
    const [one, other] = [
      await answerTo(router, ask, "whole"),
      await answerTo(router, ask, "joined"),
    ];
    assertEquals([name, other], [name, one]);
    assertEquals([name, lastBody(whole)["stream"], lastBody(joined)["stream"]], [
      name,
      undefined,
      true,
    ]);
  }
});

for (const fault of ["stall_mid_stream", "hung_step"] as const) {
  Deno.test(`an engine that falls silent under a joined answer is noticed by timeouts.idle (${fault})`, async () => {
    await using engine = startInfinilm({ tokensPerSecond: 100 });
    const config = `${backendsYaml([engine.url], [JOINED])}timeouts: { idle: 300ms }\n`;
    await using router = await RouterProcess.start(config);
    if (fault === "stall_mid_stream") engine.setFault(fault, { after: 3 });
    const asking = router.post(CHAT, chat("m"));
    if (fault === "hung_step") {
      await until("tokens have come", () => engine.steps > 3);
      engine.setFault(fault);
    }
    const answer = await asking;
    assertEquals([answer.status, (await answer.json()).code], [504, "upstream_idle_timeout"]);
    await idle(engine);
    assertEquals(engine.calls.map(({ ended }) => ended), ["client_left"]);
    const { error_count, in_flight } = await router.stats("a");
    assertEquals([error_count, in_flight], [1, 0]);
  });
}

Deno.test("a client that leaves a joined answer frees the engine within a token", async () => {
  await using engine = startInfinilm({ kv: "static", tokensPerSecond: 100 });
  await using router = await RouterProcess.start(backendsYaml([engine.url], [JOINED]));
  const leave = new AbortController();
  const asking = router.fetch(CHAT, {
    method: "POST",
    body: JSON.stringify(chat("m")),
    signal: leave.signal,
  }).catch(() => "left");
  await until("tokens have come", () => engine.steps > 3);
  engine.setFault("hung_step"); // the token that is computed now is the last
  leave.abort();
  assertEquals(await asking, "left");
  await idle(engine);
  assertEquals(engine.calls[0]!.ended, "client_left");
  const before = engine.steps;
  engine.setFault("none");
  const next = await router.post(CHAT, chat("m", "hi", { max_tokens: 2 }));
  assertEquals(next.status, 200);
  await next.body?.cancel();
  assertEquals(engine.steps, before + 1 + 2, "the step under way, and two of the next call's");
  const line = await router.logged(({ status }) => status === 499);
  assertEquals(line["outcome"], "client_left");
  assertEquals((await router.stats("a"))["error_count"], 0);
});

Deno.test("a joined answer whose engine dies behind its first tokens is served by another", async () => {
  await using a = startInfinilm({ tokensPerSecond: 100 });
  await using b = startInfinilm();
  const health = "health: { interval: 250ms, timeout: 250ms, unhealthy_after: 4 }\n";
  const known = `${JOINED}, models: [m], engine: infinilm`;
  const config = backendsYaml([a.url, b.url], [known, known]) + health;
  await using router = await RouterProcess.start(config);
  const asking = router.post(CHAT, chat("m"));
  await until("tokens have come", () => a.steps > 3, {
    seen: () => [a.calls, b.calls, router.log.slice(-4)],
  });
  a.setFault("dead_engine");
  const answer = await asking;
  assertEquals([answer.status, answer.headers.get("x-infinilm-service")], [200, "b"]);
  const { choices } = await answer.json();
  assert(choices[0].message.content.length > 0);
});
