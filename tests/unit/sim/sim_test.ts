import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { Sim, type SimOptions } from "../../../src/sim/sim.ts";
import { idle } from "../../support/idle.ts";
import { RawClient } from "../../support/raw_client.ts";
import { withClient } from "./with_client.ts";

const FAST = { timeToFirstTokenMs: 0, tokensPerSecond: 0 };

/** One call by fetch on a connection of its own, read to its end. */
async function call(
  sim: Sim,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(sim.url + path, {
    method: options.body === undefined ? "GET" : "POST",
    headers: { connection: "close", ...options.headers },
    body: typeof options.body === "string" ? options.body : JSON.stringify(options.body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function withSim(options: SimOptions, run: (sim: Sim) => Promise<void>): Promise<void> {
  const sim = Sim.start({ ...FAST, ...options });
  try {
    await run(sim);
  } finally {
    await sim.stop();
  }
}

function chat(content: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { model: "sim", messages: [{ role: "user", content }], ...more };
}

// deno-lint-ignore no-explicit-any -- parsed JSON is looked at field by field
function eventsOf(text: string): any[] {
  const events = text.split("\n\n");
  assertEquals(events.pop(), "", "the last event is whole");
  assertEquals(events.pop(), "data: [DONE]");
  return events.map((event) => {
    assert(event.startsWith("data: "), event);
    return JSON.parse(event.slice("data: ".length));
  });
}

Deno.test("a chat is answered in OpenAI's shape", async () => {
  await withSim({}, async (sim) => {
    const { status, headers, text } = await call(sim, "/v1/chat/completions", {
      body: chat("hello big world"),
    });
    assertEquals(status, 200);
    assertEquals(headers.get("content-type"), "application/json");
    const { id, created, choices: [choice], ...rest } = JSON.parse(text);
    assertMatch(id, /^chatcmpl-[0-9a-f]{24}$/);
    assert(Math.abs(created - Date.now() / 1000) < 5);
    assertMatch(choice.message.content, /^[A-Z][A-Za-z. ]+$/);
    assertEquals({ ...choice, message: { ...choice.message, content: "" } }, {
      index: 0,
      message: { role: "assistant", content: "" },
      logprobs: null,
      finish_reason: "stop",
    });
    assertEquals(rest, {
      object: "chat.completion",
      model: "sim",
      usage: { prompt_tokens: 3, completion_tokens: 16, total_tokens: 19 },
    });
  });
});

Deno.test("a completion is answered in OpenAI's shape", async () => {
  await withSim({}, async (sim) => {
    const body = { prompt: "echo:法国的首都是", max_tokens: 5 };
    const { text } = await call(sim, "/completions", { body });
    const { id, created: _, ...rest } = JSON.parse(text);
    assertMatch(id, /^cmpl-[0-9a-f]{24}$/);
    assertEquals(rest, {
      object: "text_completion",
      model: "sim",
      choices: [{ index: 0, text: "法国的首都", logprobs: null, finish_reason: "length" }],
      usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
    });
  });
});

Deno.test("a streamed chat is a role, the tokens, the reason, the usage and [DONE]", async () => {
  await withSim({}, async (sim) => {
    const { headers, text } = await call(sim, "/v1/chat/completions", {
      body: chat("echo:one two", {
        max_completion_tokens: 2,
        stream: true,
        stream_options: { include_usage: true },
      }),
    });
    assertEquals(headers.get("content-type"), "text/event-stream; charset=utf-8");
    const events = eventsOf(text);
    const { id, created } = events[0];
    const common = { id, object: "chat.completion.chunk", created, model: "sim" };
    const chunk = (delta: unknown, finish_reason: string | null): unknown => ({
      ...common,
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      usage: null,
    });
    assertEquals(events, [
      chunk({ role: "assistant", content: "" }, null),
      chunk({ content: "one" }, null),
      chunk({ content: " two" }, null),
      chunk({}, "length"),
      {
        ...common,
        choices: [],
        usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 },
      },
    ]);
  });
});

Deno.test("a streamed completion is the tokens, the reason and [DONE], without usage unasked", async () => {
  await withSim({}, async (sim) => {
    const body = { prompt: "echo:one two three", stop: " three", stream: true };
    const events = eventsOf((await call(sim, "/v1/completions", { body })).text);
    assertEquals(events.map((event) => event.choices), [
      [{ index: 0, text: "one", logprobs: null, finish_reason: null }],
      [{ index: 0, text: " two", logprobs: null, finish_reason: null }],
      [{ index: 0, text: "", logprobs: null, finish_reason: "stop" }],
    ]);
    assert(events.every((event) => event.object === "text_completion" && !("usage" in event)));
  });
});

Deno.test("every event is a chunk of its own on the wire", async () => {
  await withClient(Sim.start(FAST), async (client) => {
    await client.post("/completions", { prompt: "hi", max_tokens: 3, stream: true });
    await client.until("\r\n\r\n");
    const wire = await client.until("0\r\n\r\n");
    let rest = wire;
    let chunks = 0;
    for (; rest !== "0\r\n\r\n"; chunks++) {
      const [size = ""] = rest.split("\r\n", 1);
      const data = rest.slice(size.length + 2, size.length + 2 + parseInt(size, 16));
      assertMatch(data, /^data: [^\n]+\n\n$/);
      rest = rest.slice(size.length + data.length + 4);
    }
    assertEquals(chunks, 5);
  });
});

Deno.test("a stream and a whole answer to the same call say the same", async () => {
  await withSim({}, async (sim) => {
    const whole = await call(sim, "/chat/completions", { body: chat("你好") });
    const stream = await call(sim, "/chat/completions", { body: chat("你好", { stream: true }) });
    const text = eventsOf(stream.text).map((event) => event.choices[0].delta.content ?? "").join(
      "",
    );
    assertEquals(text, JSON.parse(whole.text).choices[0].message.content);
  });
});

Deno.test("answers depend on the seed and on nothing else but the call", async () => {
  async function answers(seed: number): Promise<string[]> {
    const texts: string[] = [];
    await withSim({ seed }, async (sim) => {
      for (const content of ["a", "b", "a"]) {
        const { text } = await call(sim, "/chat/completions", { body: chat(content) });
        texts.push(JSON.parse(text).choices[0].message.content);
      }
    });
    return texts;
  }
  const [first, second, third] = await answers(1);
  assertEquals(first, third);
  assertNotEquals(first, second);
  assertEquals(await answers(1), [first, second, third]);
  assertNotEquals((await answers(2))[0], first);
});

Deno.test("echo: reads the last user message, also from text parts", async () => {
  await withSim({}, async (sim) => {
    const messages = [
      { role: "user", content: "echo:old" },
      { role: "user", content: [{ type: "text", text: "echo:" }, { type: "text", text: "new" }] },
      { role: "assistant", content: "echo:mine" },
    ];
    const { text } = await call(sim, "/chat/completions", { body: { messages } });
    assert(JSON.parse(text).choices[0].message.content.startsWith("new "));
  });
});

Deno.test("models, health and the other endpoints answer under both spellings", async () => {
  await withSim({ models: ["a/b", "c"] }, async (sim) => {
    for (const prefix of ["", "/v1"]) {
      const models = JSON.parse((await call(sim, `${prefix}/models?x=1`)).text);
      assertEquals(models.object, "list");
      // deno-lint-ignore no-explicit-any -- parsed JSON
      assertEquals(models.data.map((model: any) => model.id), ["a/b", "c"]);
      assertEquals((await call(sim, `${prefix}/health`)).text, '{"status":"healthy"}');
      for (const path of ["/rerank", "/messages/count_tokens", "/audio/speech"]) {
        const { text } = await call(sim, prefix + path, { body: { model: "c" } });
        assertEquals(JSON.parse(text), { object: "echo", path: prefix + path, model: "c" });
      }
      const { text } = await call(sim, `${prefix}/embeddings`, {
        body: { input: ["x", "y", "x"] },
      });
      const { data, model } = JSON.parse(text);
      assertEquals(model, "a/b");
      assertEquals(data[0].embedding, data[2].embedding);
      assertNotEquals(data[0].embedding, data[1].embedding);
    }
    assertEquals(sim.healthChecks, 2);
  });
});

Deno.test("what cannot be answered gets OpenAI's error", async () => {
  const cases = [
    ["/nowhere", {}, 404, "not_found", null],
    ["/v1/chat/completions", chat("x", { model: "other" }), 404, "model_not_found", "model"],
    ["/v1/chat/completions", "{", 400, null, null],
    ["/v1/chat/completions", "[]", 400, null, null],
    ["/v1/chat/completions", { messages: [] }, 400, null, "messages"],
    ["/v1/completions", {}, 400, null, "prompt"],
    ["/v1/completions", { prompt: "x", max_tokens: 0 }, 400, null, "max_tokens"],
    ["/v1/completions", { prompt: "x", stop: 5 }, 400, null, "stop"],
  ] as const;
  await withSim({}, async (sim) => {
    for (const [path, body, expected, code, param] of cases) {
      const { status, text } = await call(sim, path, { body });
      assertEquals(status, expected, path);
      const { error } = JSON.parse(text);
      assertEquals({ code: error.code, param: error.param }, { code, param });
      assertEquals(error.type, "invalid_request_error");
    }
    assertEquals((await call(sim, "/nowhere")).status, 404);
    assertEquals((await call(sim, "/v1/chat/completions")).status, 404);
  });
});

Deno.test("apiKey is asked for everywhere but at /health", async () => {
  await withSim({ apiKey: "secret" }, async (sim) => {
    const body = chat("x");
    const { status, text } = await call(sim, "/v1/chat/completions", { body });
    assertEquals(status, 401);
    assertEquals(JSON.parse(text).error.code, "invalid_api_key");
    assertEquals((await call(sim, "/v1/models")).status, 401);
    assertEquals((await call(sim, "/health")).status, 200);
    const headers = { authorization: "Bearer secret" };
    assertEquals((await call(sim, "/v1/chat/completions", { body, headers })).status, 200);
  });
});

Deno.test("calls are recorded with path, headers, body, times and end", async () => {
  await withSim({}, async (sim) => {
    const body = chat("x");
    await call(sim, "/v1/chat/completions?a=b", { body, headers: { "X-Mark": "7" } });
    await call(sim, "/v1/models");
    await idle(sim);
    assertEquals(sim.calls.length, 1);
    const [record] = sim.calls;
    assertEquals(record?.method, "POST");
    assertEquals(record?.path, "/v1/chat/completions");
    assertEquals(record?.headers["x-mark"], "7");
    assertEquals(record?.body, JSON.stringify(body));
    assertEquals(record?.ended, "completed");
    assert(record?.endedAt !== undefined && record.endedAt >= record.startedAt);
  });
});

Deno.test("tokens are paced: the whole answer takes as long as its stream", async () => {
  const options = { timeToFirstTokenMs: 40, tokensPerSecond: 100 };
  await withSim(options, async (sim) => {
    for (const stream of [true, false]) {
      const before = performance.now();
      await call(sim, "/completions", { body: { prompt: "x", max_tokens: 5, stream } });
      const took = performance.now() - before;
      assert(took >= 78, `took ${took} ms instead of 80`);
    }
  });
});

Deno.test("concurrency 1 gives one answer after the other, in the order of the calls", async () => {
  const sim = Sim.start({ timeToFirstTokenMs: 5, tokensPerSecond: 1000, concurrency: 1 });
  const clients: RawClient[] = [];
  const ended: number[] = [];
  const ends: Promise<unknown>[] = [];
  for (const number of [0, 1, 2]) {
    const client = await RawClient.connect(sim.port);
    clients.push(client);
    await client.post("/completions", { prompt: "x", stream: true });
    // The head comes before the turn: now the call has its place in the queue.
    await client.until("\r\n\r\n");
    ends.push(client.until("[DONE]").then(() => ended.push(number)));
  }
  assertEquals(sim.running, 1);
  assertEquals(sim.waiting, 2);
  await Promise.all(ends);
  await idle(sim);
  assertEquals(sim.running, 0);
  assertEquals(ended, [0, 1, 2]);
  // 5 ms to the first token, and 15 more tokens of 1 ms: no two calls share that time.
  const times = sim.calls.map((record) => record.endedAt ?? 0);
  assert(
    times.every((end, index) => index === 0 || end - (times[index - 1] ?? 0) >= 18),
    `${times}`,
  );
  for (const client of clients) client.close();
  await sim.stop();
});

Deno.test("a client that leaves ends its answer at once, running or waiting", async () => {
  const sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 1, concurrency: 1 });
  const running = await RawClient.connect(sim.port);
  await running.post("/chat/completions", chat("x", { stream: true }));
  await running.until("data: ");
  const waiting = await RawClient.connect(sim.port);
  await waiting.post("/chat/completions", chat("x", { stream: true }));
  await waiting.until("\r\n\r\n");
  assertEquals([sim.running, sim.waiting], [1, 1]);
  waiting.close();
  running.close();
  await idle(sim);
  assertEquals(sim.calls.map((record) => record.ended), ["client_left", "client_left"]);
  await sim.stop();
});

Deno.test("a client that leaves before a whole answer ends it, too", async () => {
  const sim = Sim.start({ timeToFirstTokenMs: 60_000 });
  await withClient(sim, async (client) => {
    await client.post("/chat/completions", chat("x"));
    const other = await RawClient.connect(sim.port);
    await other.write("GET /health HTTP/1.1\r\n\r\n");
    await other.answer();
    other.close();
    assertEquals(sim.running, 1);
    client.close();
    await idle(sim);
    assertEquals(sim.calls[0]?.ended, "client_left");
  });
});

Deno.test("a client that leaves in the middle of its body is recorded", async () => {
  const sim = Sim.start(FAST);
  await withClient(sim, async (client) => {
    await client.write(
      "POST /tokenize HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n",
    );
    await client.until("100 Continue\r\n\r\n");
    client.close();
    await idle(sim);
    assertEquals(sim.calls[0]?.ended, "client_left");
  });
});

Deno.test("a port that is taken is said so by Deno's own error", async () => {
  await withSim({}, async (sim) => {
    assertThrows(() => Sim.start({ port: sim.port }), Deno.errors.AddrInUse);
  });
});

Deno.test("url is one that clients can use", async () => {
  await withSim({ host: "0.0.0.0" }, async (sim) => {
    assertEquals(sim.url, `http://127.0.0.1:${sim.port}`);
    assertEquals((await call(sim, "/health")).status, 200);
  });
});
