import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { chunk, jsonAnswer, posts, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const encoder = new TextEncoder();

function urlOf(peer: { port: number }): string {
  return `http://127.0.0.1:${peer.port}`;
}

/** Pieces of event streams that a careless relay gets wrong. */
const STREAM_TEXT = fc.array(
  fc.constantFrom(
    'data: {"a":1}',
    "data: 你好，世界 🌏",
    ": comment",
    "event: delta",
    "id: 7",
    "id: \0",
    "data",
    "data:",
    "\ufeff",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\r\r",
    "\r\n\r\n",
    "data: [DONE]\n\n",
    "x".repeat(3000),
  ),
  { minLength: 1, maxLength: 30 },
);

Deno.test("promise 1: an event stream's bytes are the engine's bytes, however they are split", async () => {
  let plan: Uint8Array[] = [];
  await using peer = startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD);
    for (const piece of plan) await conn.write(chunk(piece));
    await conn.write(chunk());
  });
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const run = async (texts: string[], cuts: number[]): Promise<void> => {
    const bytes = encoder.encode(texts.join(""));
    const at = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].sort((a, b) => a - b);
    plan = at.slice(1).map((end, i) => bytes.subarray(at[i], end)).filter((piece) =>
      piece.length > 0
    );
    const answer = await router.post("/v1/chat/completions", chat("peer", "x", { stream: true }));
    assertEquals(answer.status, 200);
    assertEquals(await answer.bytes(), bytes);
  };
  const cuts = fc.array(fc.nat({ max: 100_000 }), { maxLength: 20 });
  await fc.assert(fc.asyncProperty(STREAM_TEXT, cuts, run), { numRuns: 1000, seed: 1 });
  await run(["data: ", "y".repeat(5_000_000), "\n\n", "data: [DONE]\n\n"], [1, 2, 3, 4_000_000]);
});

Deno.test("promise 10: request bodies reach the engine byte for byte, whatever JSON they are", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const messages = '"messages":[{"role":"user","content":"x"}]';
  const bodies = [
    `{"model":"peer",${messages},"seed":12345678901234567890123}`,
    `{"model":"peer",${messages},"model":"peer"}`,
    ` {\n"z" : 1, "model":"\\u0070eer",${messages},"a":1.0e2,"b":-0 }\n`,
    `{"model":"peer",${messages},"content":"\\ud83c\\udf0f 你好 \\u0000"}`,
    `{"__proto__":{"x":1},"model":"peer",${messages}}`,
    `{"model":"peer",${messages},"pad":"${"字".repeat(500_000)}"}`,
  ];
  for (const chunked of [false, true]) {
    for (const body of bodies) {
      const bytes = encoder.encode(body);
      const answer = await router.fetch("/v1/chat/completions", {
        method: "POST",
        body: chunked ? ReadableStream.from([bytes.slice(0, 7), bytes.slice(7)]) : bytes,
      });
      assertEquals(answer.status, 200, await answer.text());
      const sent = posts(peer).at(-1)!;
      assertEquals(sent.body, bytes);
      const lengths = sent.headers.filter(([name]) => name === "content-length");
      assertEquals(lengths, [["content-length", String(bytes.length)]]);
      assert(!sent.headers.some(([name]) => name === "transfer-encoding"));
    }
  }
});

Deno.test("promise 10: random JSON objects reach the engine byte for byte", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}requests: { validate: false }\n`,
  );
  const property = fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (fields) => {
    const body = JSON.stringify({ ...fields, model: "peer" });
    const answer = await router.post("/v1/chat/completions", body);
    assertEquals(answer.status, 200, await answer.text());
    assertEquals(posts(peer).at(-1)!.body, encoder.encode(body));
  });
  await fc.assert(property, { numRuns: 200, seed: 2 });
});

Deno.test("promise 10: a body of the very limit passes, one byte more does not", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}limits: { max_body: 1MiB }\n`,
  );
  const frame = JSON.stringify(chat("peer", ""));
  const body = frame.replace(
    '"content":""',
    `"content":"${"x".repeat(1024 * 1024 - frame.length)}"`,
  );
  assertEquals(body.length, 1024 * 1024);
  const fits = await router.post("/v1/chat/completions", body);
  assertEquals([fits.status, await fits.json()], [200, { ok: true }]);
  const over = await router.post("/v1/chat/completions", ` ${body}`);
  assertEquals([over.status, (await over.json()).code], [413, "body_too_large"]);
  assertEquals(posts(peer).length, 1);
});

Deno.test("promise 38: a body beyond the limit is refused by its declared length at once, and while it is read", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}limits: { max_body: 64KiB }\n`,
  );
  const head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";

  using declared = await RawClient.connect(router.port);
  await declared.write(`${head}content-length: 70000000\r\n\r\n{`);
  const atOnce = await declared.answer();
  assertEquals([atOnce.status, JSON.parse(atOnce.body).code], [413, "body_too_large"]);

  using chunked = await RawClient.connect(router.port);
  await chunked.write(`${head}transfer-encoding: chunked\r\n\r\n`);
  let sent = 0;
  const sending = (async () => {
    while (sent < 64 * 1024 * 1024) {
      await chunked.write(chunk("x".repeat(16 * 1024)));
      sent += 16 * 1024;
    }
  })().catch(() => {}); // the router stops reading, or closes
  const midway = await chunked.answer();
  assertEquals([midway.status, JSON.parse(midway.body).code], [413, "body_too_large"]);
  chunked.close();
  await sending;
  assertEquals(posts(peer).length, 0);
});

Deno.test("promise 33: compressed answers are not asked for, unless clients' wishes are to pass; then they pass untouched", async () => {
  const zipped = new Uint8Array(
    await new Response(
      new Blob(['{"zipped":true}']).stream().pipeThrough(new CompressionStream("gzip")),
    ).arrayBuffer(),
  );
  await using peer = startEnginePeer(async (conn, request) => {
    const wanted = request.headers.find(([name]) => name === "accept-encoding")![1];
    if (!wanted.includes("gzip")) return await conn.write(jsonAnswer({ zipped: false }));
    await conn.write(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${zipped.length}\r\n\r\n`,
    );
    await conn.write(zipped);
  });
  await using strict = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const answer = await strict.post("/v1/chat/completions", chat("peer")); // fetch asks for gzip
  assertEquals(await answer.json(), { zipped: false });
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}upstream_compression: pass\n`,
  );
  const asks = await router.post("/v1/chat/completions", chat("peer"));
  assertEquals(await asks.json(), { zipped: true });
  using client = await RawClient.connect(router.port);
  await client.write(
    rawPost("/v1/chat/completions", JSON.stringify(chat("peer")), ["accept-encoding: gzip"]),
  );
  const raw = await client.answer();
  assertEquals([raw.headers.get("content-encoding"), raw.headers.get("content-length")], [
    "gzip",
    String(zipped.length),
  ]);
  assertEquals(Uint8Array.from(raw.body, (character) => character.charCodeAt(0)), zipped);
  await client.write(rawPost("/v1/chat/completions", JSON.stringify(chat("peer"))));
  const plain = await client.answer();
  assertEquals([plain.headers.get("content-encoding"), plain.body], [null, '{"zipped":false}']);
});

Deno.test("the router does not compress answers by itself", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ text: "x".repeat(5000) })));
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  using client = await RawClient.connect(router.port);
  await client.write(
    rawPost("/v1/chat/completions", JSON.stringify(chat("peer")), ["accept-encoding: gzip"]),
  );
  const { headers, complete } = await client.answer();
  assertEquals([headers.get("content-encoding"), complete], [null, true]);
});

Deno.test("query strings are passed on as they came", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  using client = await RawClient.connect(router.port);
  for (
    const [path, upstream] of [["/chat/completions", "/v1/chat/completions"], [
      "/v1/rerank",
      "/rerank",
    ]]
  ) {
    await client.write(
      rawPost(`${path}?api-version=1&x=%2F..%2f&y=a+b`, JSON.stringify(chat("peer"))),
    );
    assertEquals((await client.answer()).status, 200);
    assertEquals(posts(peer).at(-1)!.target, `${upstream}?api-version=1&x=%2F..%2f&y=a+b`);
  }
});

Deno.test("a path prefix and a trailing /v1 in a backend's url are understood", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(backendsYaml([`${urlOf(peer)}/engines/a/v1`]));
  const answer = await router.post("/completions", { model: "peer", prompt: "x" });
  assertEquals([answer.status, await answer.json()], [200, { ok: true }]);
  const targets = peer.requests.map((request) => request.target);
  assertEquals(targets, ["/engines/a/health", "/engines/a/v1/models", "/engines/a/v1/completions"]);
});

Deno.test("promise 2: an engine gets exactly the requests that the log tells of, also on a dying kept connection", async () => {
  let dying = false;
  const script = (
    conn: Parameters<Parameters<typeof startEnginePeer>[0]>[0],
  ): Promise<unknown> | void => dying ? conn.close() : conn.write(jsonAnswer({ ok: true }));
  await using a = startEnginePeer(script);
  await using b = startEnginePeer(script);
  await using router = await RouterProcess.start(backendsYaml([urlOf(a), urlOf(b)]));
  for (let i = 0; i < 4; i++) {
    assertEquals((await (await router.post("/chat/completions", chat("peer"))).json()).ok, true);
  }
  dying = true;
  const before = posts(a).length + posts(b).length;
  assertEquals(before, 4);
  const answer = await router.post("/chat/completions", chat("peer"), { "x-request-id": "dying" });
  assertEquals([answer.status, (await answer.json()).code], [502, "suspected_poison"]);
  const line = await router.call("dying");
  assertEquals([line["attempts"], posts(a).length + posts(b).length - before], [2, 2]);
});

Deno.test("promise 5: a 200 head with nothing behind it proves nothing: the call goes to another", async () => {
  let broken = 0;
  await using a = startEnginePeer(async (conn) => {
    broken++;
    await conn.write(STREAM_HEAD);
    conn.close();
  });
  await using b = startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD);
    await conn.write(chunk("data: [DONE]\n\n"));
    await conn.write(chunk());
  });
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(a), urlOf(b)])}routing: { policy: round_robin }\n`,
  );
  for (let i = 0; i < 2; i++) {
    const answer = await router.post("/chat/completions", chat("peer", "x", { stream: true }));
    assertEquals([answer.status, await answer.text()], [200, "data: [DONE]\n\n"]);
  }
  assertEquals([broken, posts(b).length], [1, 2]);
});

Deno.test("promise 3: half an event of a stream that breaks is not passed on, and the error event stands alone", async () => {
  await using peer = startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD);
    await conn.write(chunk("data: 1\n\ndata: hal"));
    conn.close();
  });
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  using client = await RawClient.connect(router.port);
  await client.write(
    rawPost("/v1/chat/completions", JSON.stringify(chat("peer", "x", { stream: true }))),
  );
  const { body, complete } = await client.answer();
  const [first, last, rest] = body.split("\n\n");
  assertEquals([complete, first, rest], [false, "data: 1", ""]);
  assertEquals(JSON.parse(last!.replace("data: ", "")).error.code, "upstream_broken");
});

Deno.test("redirects of an engine are passed on, never followed", async () => {
  await using peer = startEnginePeer((conn) =>
    conn.write(
      jsonAnswer({}, {
        status: "307 Temporary Redirect",
        headers: ["location: http://127.0.0.1:9/x"],
      }),
    )
  );
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const answer = await router.fetch("/chat/completions", {
    method: "POST",
    body: JSON.stringify(chat("peer")),
    redirect: "manual",
  });
  assertEquals([answer.status, answer.headers.get("location")], [307, "http://127.0.0.1:9/x"]);
  await answer.body?.cancel();
});

Deno.test("an error page for people is replaced by an error that says whose it was", async () => {
  await using peer = startEnginePeer((conn) =>
    conn.write(
      "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: 21\r\n\r\nInternal Server Error",
    )
  );
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const answer = await router.post("/chat/completions", chat("peer"));
  const { error, code } = await answer.json();
  assertEquals([answer.status, code], [502, "upstream_bad_answer"]);
  assertEquals(error, "backend a answered 500 with text/plain instead of JSON");
});
