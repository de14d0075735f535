import { assertEquals, assertStringIncludes } from "@std/assert";
import { chunk, jsonAnswer, posts, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import {
  latin1,
  type PeerConnection,
  type PeerRequest,
  type RawPeer,
} from "../support/raw_peer.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

type Script = (conn: PeerConnection, request: PeerRequest) => Promise<unknown> | void;

/** A router in front of one engine that says it is InfiniLM, and does as the script says. */
async function withEngine(
  script: Script,
  test: (router: RouterProcess, peer: RawPeer) => Promise<void>,
  extra = "",
): Promise<void> {
  const cards = [{ id: "m", object: "model", created: 5, owned_by: "infinilm" }];
  await using peer = startEnginePeer(script, { cards });
  const url = `http://127.0.0.1:${peer.port}`;
  await using router = await RouterProcess.start(backendsYaml([url], [extra]));
  await test(router, peer);
}

/** An event of the engine's stream, as it writes it. */
function event(content: string | null, finish: string | null = null): string {
  const text = JSON.stringify(content);
  const delta = content === null ? "{}" : `{"content": ${text}}`;
  return `data: {"id": "cmpl-4728", "object": "chat.completion.chunk", "created": 5, "model": "m", ` +
    `"system_fingerprint": null, "choices": [{"index": 0, "text": ${text}, "delta": ${delta}, ` +
    `"logprobs": null, "finish_reason": ${JSON.stringify(finish)}}]}\n\n`;
}

function streams(...events: string[]): Script {
  return async (conn) => {
    await conn.write(STREAM_HEAD);
    for (const text of events) await conn.write(chunk(text));
    await conn.write(chunk());
  };
}

const HELLO = streams(event(" Hel"), event("lo"), event(null, "stop"), "data: [DONE]\n\n");

function payloads(body: string): unknown[] {
  return body.split("\n\n").filter((text) => text !== "").map((text) => {
    const data = text.replace(/^data: /, "");
    return data === "[DONE]" ? data : JSON.parse(data);
  });
}

Deno.test("an engine is known by its model list, and /services says which it is", () =>
  withEngine(HELLO, async (router) => {
    const { services } = await (await router.fetch("/services")).json();
    assertEquals(services[0].engine, "infinilm");
  }));

Deno.test("a chat streamed by InfiniLM reads as OpenAI's", () =>
  withEngine(HELLO, async (router, peer) => {
    const more = { stream: true, max_completion_tokens: 5, temperature: 0.5 };
    const answer = await router.post("/v1/chat/completions", chat("m", "hi", more));
    assertEquals(answer.headers.get("x-infinilm-ignored"), "temperature");
    const all = payloads(await answer.text());
    const events = all.slice(0, -1) as { id: string; choices: { delta: unknown }[] }[];
    assertEquals(all.at(-1), "[DONE]");
    assertEquals(events.map(({ choices: [choice] }) => choice!.delta), [
      { role: "assistant", content: " Hel" },
      { content: "lo" },
      {},
    ]);
    assertEquals(events[0]!.id, "chatcmpl-4728");
    const sent = JSON.parse(latin1(posts(peer)[0]!.body));
    assertEquals([sent.max_tokens, sent.max_completion_tokens], [5, undefined]);
  }));

Deno.test("what an engine ignores is in the log once for each parameter", () =>
  withEngine(HELLO, async (router) => {
    for (const more of [{ seed: 1 }, { seed: 1 }, { seed: 2, top_k: 3 }]) {
      await (await router.post("/v1/chat/completions", chat("m", "hi", { stream: true, ...more })))
        .text();
    }
    await router.logged(({ parameters }) => String(parameters) === "top_k");
    const lines = router.log.filter(({ message }) => message === "engine ignores parameters");
    assertEquals(lines.map((line) => line["parameters"]), [["seed"], ["top_k"]]);
  }));

Deno.test("completions are made of InfiniLM's chat, streamed and whole", async () => {
  const body = { model: "m", prompt: "hi" };
  await withEngine(HELLO, async (router, peer) => {
    const answer = await router.post("/completions", { ...body, stream: true });
    const events = payloads(await answer.text()) as {
      object: string;
      choices: { text: string }[];
    }[];
    assertEquals(events.slice(0, -1).map(({ object, choices }) => [object, choices[0]!.text]), [
      ["text_completion", " Hel"],
      ["text_completion", "lo"],
      ["text_completion", ""],
    ]);
    assertEquals(posts(peer)[0]!.target, "/v1/chat/completions");
  });
  const message = { role: "assistant", content: "hello" };
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const whole = { id: "cmpl-1", choices: [{ index: 0, message, finish_reason: "stop" }], usage };
  await withEngine((conn) => conn.write(jsonAnswer(whole)), async (router) => {
    const answer = await (await router.post("/v1/completions", body)).json();
    assertEquals([answer.object, answer.choices[0].text, answer.usage], [
      "text_completion",
      "hello",
      usage,
    ]);
  });
});

Deno.test("what InfiniLM lacks is refused without asking it, if no other engine serves the model", () =>
  withEngine(HELLO, async (router, peer) => {
    const lacks: readonly [
      path: string,
      body: Record<string, unknown>,
      status: number,
      code: string,
    ][] = [
      ["/v1/embeddings", { input: "x" }, 501, "unsupported_by_engine"],
      ["/rerank", { query: "x" }, 501, "unsupported_by_engine"],
      ["/v1/completions", { prompt: "x", echo: true }, 400, "unsupported_parameter"],
    ];
    for (const [path, body, status, code] of lacks) {
      const answer = await router.post(path, { model: "m", ...body });
      assertEquals([path, answer.status, (await answer.json()).code], [path, status, code]);
    }
    assertEquals(posts(peer), []);
    assertEquals((await router.stats("a"))["request_count"], 0);
  }));

Deno.test("an engine that lacks something is passed over for one that has it", async () => {
  const cards = [{ id: "m", owned_by: "infinilm" }];
  await using infinilm = startEnginePeer(HELLO, { cards });
  await using other = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: 1 })), {
    cards: [{ id: "m", owned_by: "vllm" }],
  });
  const urls = [infinilm, other].map(({ port }) => `http://127.0.0.1:${port}`);
  await using router = await RouterProcess.start(backendsYaml(urls));
  for (let i = 0; i < 4; i++) {
    const answer = await router.post("/v1/embeddings", { model: "m", input: "x" });
    assertEquals(answer.headers.get("x-infinilm-service"), "b");
    await answer.text();
  }
});

Deno.test("an error that InfiniLM streams as text is an error, before and behind the first token", async () => {
  const bad = event("[Error: could not convert string to float: 'a']", "error");
  await withEngine(streams(bad, "data: [DONE]\n\n"), async (router) => {
    const body = chat("m", "hi", { stream: true });
    const answer = await router.post("/v1/chat/completions", body);
    const { code, error } = await answer.json();
    assertEquals([answer.status, code], [400, "engine_rejected"]);
    assertStringIncludes(error, "could not convert");
    assertEquals((await router.stats("a"))["error_count"], 0);
  });
  const broken = event("[Error: device lost]", "error");
  await withEngine(streams(event("t"), broken, "data: [DONE]\n\n"), async (router) => {
    const answer = await router.post("/v1/chat/completions", chat("m", "hi", { stream: true }));
    let body = "";
    await answer.body!.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (text) => void (body += text) }),
    ).catch(() => body += "CUT");
    assertEquals([body.includes("[DONE]"), body.endsWith("CUT")], [false, true]);
    assertStringIncludes(body, '"code":"engine_failed"');
    const line = await router.logged(({ code }) => code === "engine_failed");
    assertEquals([line["outcome"], line["status"]], ["completed", 200]);
    assertEquals((await router.stats("a"))["error_count"], 1);
  });
});

Deno.test("a whole answer can be asked for as a stream, and comes whole, or as an error", async () => {
  await withEngine(HELLO, async (router, peer) => {
    const answer = await router.post("/v1/chat/completions", chat("m"));
    assertEquals(answer.headers.get("content-type"), "application/json");
    assertEquals(answer.headers.get("x-infinilm-ignored"), "usage");
    const { choices, object, usage } = await answer.json();
    assertEquals([object, usage], ["chat.completion", undefined]);
    assertEquals(choices[0].message, { role: "assistant", content: "Hello" });
    assertEquals(JSON.parse(latin1(posts(peer)[0]!.body)).stream, true);
  }, "stream_upstream: true");
  const bad = streams(event("t"), event("[Request timeout]", "timeout"), "data: [DONE]\n\n");
  await withEngine(bad, async (router) => {
    const answer = await router.post("/v1/chat/completions", chat("m"));
    assertEquals([answer.status, (await answer.json()).code], [504, "upstream_timeout"]);
  }, "stream_upstream: true");
});

Deno.test("engine_strict refuses what would be ignored", () =>
  withEngine(HELLO, async (router, peer) => {
    const answer = await router.post("/v1/chat/completions", chat("m", "hi", { seed: 1 }));
    const { code, param } = await answer.json();
    assertEquals([answer.status, code, param], [400, "unsupported_parameter", "seed"]);
    assertEquals(posts(peer), []);
  }, "engine_strict: true"));

/** An engine that answers each prompt with itself, and remembers how many it had at once. */
function echoing(): { script: Script; most: () => number } {
  let now = 0;
  let most = 0;
  const script: Script = async (conn, request) => {
    most = Math.max(most, ++now);
    const { prompt, stream } = JSON.parse(latin1(request.body));
    const message = { role: "assistant", content: prompt };
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    const whole = { id: "cmpl-1", choices: [{ index: 0, message, finish_reason: "stop" }], usage };
    if (stream !== true) await conn.write(jsonAnswer(whole));
    else if (prompt === "bad") {
      await streams(event("t"), event("[Error: lost]", "error"))(conn, request);
    } else await streams(event(prompt), event(null, "stop"), "data: [DONE]\n\n")(conn, request);
    now--;
  };
  return { script, most: () => most };
}

const PROMPTS = Array.from({ length: 12 }, (_, index) => `p${index}`);

for (const extra of ["", "max_in_flight: 1"]) {
  Deno.test(`a list of prompts is a call each, and one answer by index (${extra || "no limit"})`, async () => {
    const { script, most } = echoing();
    await withEngine(script, async (router, peer) => {
      const answer = await router.post("/v1/completions", { model: "m", prompt: PROMPTS });
      const { choices, usage, object } = await answer.json();
      assertEquals([answer.status, object], [200, "text_completion"]);
      assertEquals(
        choices.map(({ index, text }: { index: number; text: string }) => [index, text]),
        PROMPTS.map((prompt, index) => [index, prompt]),
      );
      assertEquals(usage, { prompt_tokens: 12, completion_tokens: 24, total_tokens: 36 });
      assertEquals(posts(peer).length, 12);
      const stats = await router.stats("a");
      assertEquals([stats["request_count"], stats["in_flight"], stats["error_count"]], [12, 0, 0]);
      if (extra !== "") assertEquals(most(), 1);
    }, extra);
  });

  Deno.test(`a list of prompts is streamed as one, each event with its index (${extra || "no limit"})`, () =>
    withEngine(echoing().script, async (router) => {
      const body = { model: "m", prompt: PROMPTS, stream: true };
      const all = payloads(await (await router.post("/v1/completions", body)).text());
      assertEquals([all.length, all.at(-1), all.indexOf("[DONE]")], [25, "[DONE]", 24]);
      const texts = PROMPTS.map(() => "");
      const chunks = all.slice(0, -1) as {
        id: string;
        choices: { index: number; text: string }[];
      }[];
      assertEquals(new Set(chunks.map(({ id }) => id)).size, 1);
      for (const chunk of chunks) {
        const [choice] = chunk.choices;
        texts[choice!.index] += choice!.text;
      }
      assertEquals(texts, PROMPTS);
      assertEquals((await router.stats("a"))["in_flight"], 0);
    }, extra));
}

Deno.test("a list of prompts of which one fails is told as failed, and leaves nothing behind", () =>
  withEngine(echoing().script, async (router) => {
    const body = { model: "m", prompt: ["a", "bad", "c"], stream: true };
    const answer = await router.post("/v1/completions", body);
    let text = "";
    await answer.body?.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (piece) => void (text += piece) }),
    ).catch(() => text += "CUT");
    assertStringIncludes(text, '"code":"engine_failed"');
    assertEquals([text.includes("[DONE]"), text.endsWith("CUT")], [false, true]);
    await until("nothing is in flight", async () => (await router.stats("a"))["in_flight"] === 0);
    const refused = await router.post("/v1/completions", { model: "m", prompt: [[1], [2]] });
    assertEquals([refused.status, (await refused.json()).param], [400, "prompt"]);
  }));

Deno.test("a client that leaves a list of prompts frees every engine", async () => {
  await withEngine((conn, request) => {
    const { prompt } = JSON.parse(latin1(request.body));
    return prompt === "a"
      ? streams(event("a"), event(null, "stop"), "data: [DONE]\n\n")(conn, request)
      : conn.write(STREAM_HEAD); // and nothing more
  }, async (router) => {
    const leave = new AbortController();
    const answer = await fetch(`${router.url}/v1/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "m", prompt: ["a", "b", "c"], stream: true }),
      signal: leave.signal,
    });
    await answer.body!.getReader().read();
    await until("the first has ended", async () => (await router.stats("a"))["in_flight"] === 2);
    leave.abort();
    await until("nothing is in flight", async () => (await router.stats("a"))["in_flight"] === 0);
    const line = await router.logged(({ status }) => status === 499);
    assertEquals(line["outcome"], "client_left");
    assertEquals((await router.stats("a"))["error_count"], 0);
  });
});

Deno.test("a list with a prompt that no engine can have is refused whole, before any of it is sent", () =>
  withEngine(echoing().script, async (router, peer) => {
    const prompt = ["a", "x".repeat(1000), "c"];
    const answer = await router.post("/v1/completions", { model: "m", prompt });
    assertEquals([answer.status, (await answer.json()).code], [400, "context_length_exceeded"]);
    assertEquals(posts(peer), []);
  }, "max_context: 100"));

Deno.test("a refusal of one of several prompts keeps its meaning, streamed and not", () =>
  withEngine((conn, request) => {
    const { prompt } = JSON.parse(latin1(request.body));
    if (prompt !== "busy") return echoing().script(conn, request);
    return conn.write(jsonAnswer({ error: { message: "busy" } }, {
      status: "503 X",
      headers: ["retry-after: 7"],
    }));
  }, async (router) => {
    for (const stream of [false, true]) {
      const prompt = ["busy", "busy"];
      const answer = await router.post("/v1/completions", { model: "m", prompt, stream });
      assertEquals([answer.status, answer.headers.get("retry-after")], [503, "7"]);
      assertEquals((await answer.json()).code, "upstream_unavailable");
    }
    const line = await router.logged(({ code }) => code === "upstream_unavailable");
    assertEquals([line["status"], line["outcome"]], [503, "completed"]);
  }));
