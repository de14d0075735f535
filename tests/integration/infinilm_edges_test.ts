import { assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { startInfinilm } from "../support/infinilm.ts";
import { chunk, jsonAnswer, posts, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

/** More than a paged engine has room for: it would neither serve nor refuse it. */
const TOO_MANY = 200_000;

const HANGS: readonly (readonly [name: string, more: Record<string, unknown>])[] = [
  ["nested", { sampling_params: { max_tokens: TOO_MANY } }],
  ["text", { max_completion_tokens: String(TOO_MANY) }],
];

for (const [name, more] of HANGS) {
  Deno.test(`an answer that cannot fit into max_context never gets to an engine (${name})`, async () => {
    await using engine = startInfinilm();
    const backend = "max_context: 131072";
    const config = `${backendsYaml([engine.url], [backend])}timeouts: { request: 1s }\n`;
    await using router = await RouterProcess.start(config);
    const answer = await router.post("/v1/chat/completions", chat("m", "hi", more));
    assertEquals([answer.status, (await answer.json()).type], [400, "invalid_request_error"]);
    assertEquals(engine.calls.length, 0);
  });
}

Deno.test("what Python reads as 0 is no limit, and never gets to an engine", async () => {
  await using engine = startInfinilm({ eosAfter: 3 });
  await using router = await RouterProcess.start(backendsYaml([engine.url]));
  for (const zero of ["0_0", "０", "٠", "\u001f0"]) {
    const body = chat("m", "hi", { max_completion_tokens: zero });
    const answer = await router.post("/v1/chat/completions", body);
    await answer.body?.cancel();
    assertEquals([zero, answer.status, engine.calls.length], [zero, 400, 0]);
  }
});

Deno.test("an encoded path of the engine's is no way around the checks", async () => {
  await using engine = startInfinilm();
  const config = `${
    backendsYaml([engine.url])
  }requests: { unknown_paths: forward }\ntimeouts: { request: 1s }\n`;
  await using router = await RouterProcess.start(config);
  for (const path of ["/v1/%63hat/completions", "/%76%31/chat/completions"]) {
    const answer = await router.post(path, chat("m", "hi", { stop: 5, stream: true }));
    const { status } = answer;
    await answer.body?.cancel();
    assertEquals([path, status < 500, engine.calls.length], [path, true, 0]);
  }
});

Deno.test("an engine of which it is not yet known which it is gets no call", async () => {
  const release = Promise.withResolvers<void>();
  await using peer = RawPeer.start(async (conn) => {
    for (let next = await conn.readRequest(); next; next = await conn.readRequest()) {
      if (next.method === "POST") {
        await conn.write(STREAM_HEAD);
        await conn.write(chunk("data: [DONE]\n\n"));
        await conn.write(chunk());
        continue;
      }
      if (next.target.endsWith("/models")) await release.promise;
      await conn.write(jsonAnswer({ object: "list", data: [{ id: "m", owned_by: "infinilm" }] }));
    }
  });
  const url = `http://127.0.0.1:${peer.port}`;
  const config = backendsYaml([url], ["models: [m]"]);
  await using router = await RouterProcess.start(config, { healthy: false });
  await peer.received(2); // the check, and the question what it serves
  const answer = await router.post("/v1/completions", { model: "m", prompt: "hi", stream: true });
  await answer.body?.cancel();
  release.resolve();
  assertEquals(posts(peer).map(({ target }) => target), []);
});

Deno.test("a router before a router is not taken for the engine behind it", async () => {
  await using infinilm = startInfinilm();
  await using openai = Sim.start({ models: ["o"], timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  await using inner = await RouterProcess.start(backendsYaml([infinilm.url, openai.url]));
  await using outer = await RouterProcess.start(backendsYaml([inner.url]));
  const answer = await outer.post("/v1/embeddings", { model: "o", input: "x" });
  await answer.body?.cancel();
  assertEquals(answer.status, 200);
});

Deno.test("a long answer can be joined: its text counts, not its events", async () => {
  await using engine = startInfinilm();
  const config = backendsYaml([engine.url], ["stream_upstream: true"]);
  await using router = await RouterProcess.start(config);
  const answer = await router.post("/v1/chat/completions", chat("m", "hi", { max_tokens: 20_000 }));
  const { choices } = await answer.json();
  assertEquals([answer.status, choices?.[0].finish_reason], [200, "length"]);
});

Deno.test("a prompt that stands for messages is looked at as they are", async () => {
  await using engine = startInfinilm();
  const config = backendsYaml([engine.url], ["max_context: 100"]);
  await using router = await RouterProcess.start(`${config}requests: { validate: false }\n`);
  const parts = [
    { type: "text", text: "what is this?" },
    { type: "image_url", image_url: { url: "/etc/passwd" } },
  ];
  for (const prompt of [parts, "x".repeat(900)]) {
    for (const more of [{}, { messages: [] }]) {
      const body = { model: "m", prompt, max_tokens: 2, ...more };
      const answer = await router.post("/v1/chat/completions", body);
      await answer.body?.cancel();
      const what = JSON.stringify(body).slice(0, 80);
      assertEquals([what, answer.status, engine.calls.length], [what, 400, 0]);
    }
  }
});

Deno.test("routing.size_threshold counts the bytes of each prompt of a list, not of the list", async () => {
  await using a = startInfinilm({ kv: "static" });
  await using b = startInfinilm();
  const config = backendsYaml([a.url, b.url], ["cache_type: static", "cache_type: paged"]);
  await using router = await RouterProcess.start(`${config}routing: { size_threshold: 1KiB }\n`);
  const prompt = Array.from({ length: 20 }, () => "x".repeat(100));
  const answer = await router.post("/v1/completions", { model: "m", prompt, max_tokens: 2 });
  assertEquals([answer.status, (await answer.json()).choices.length], [200, 20]);
  assertEquals([a.calls.length, b.calls.length], [0, 20]);
});
