import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { Sim } from "../../src/sim/sim.ts";
import { chunk, jsonAnswer, posts, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { freePort } from "../support/free_port.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, routerCommand, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = JSON.stringify(chat("peer"));

function urlOf(peer: { port: number }): string {
  return `http://127.0.0.1:${peer.port}`;
}

Deno.test("promise 30: bytes beyond ASCII in a target are refused: as Latin-1 some would end the line", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const send = async (target: Uint8Array): Promise<number> => {
    using client = await RawClient.connect(router.port);
    const [before, after] = rawPost("/v1/chat/completions?q=@", CHAT).split("@");
    await client.write(before!);
    await client.write(target);
    await client.write(after!);
    return (await client.answer()).status;
  };
  // U+010D and U+010A: cut to one byte each they are CR and LF.
  assertEquals(await send(new Uint8Array([0xc4, 0x8d, 0xc4, 0x8a, 0x58, 0x3a, 0x31])), 400);
  assertEquals(posts(peer).length, 0);
  let passed = 0;
  const property = fc.asyncProperty(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    async (text) => {
      const bytes = new TextEncoder().encode(text.replaceAll(/[\s#]/g, ""));
      if (await send(bytes) === 200) passed++;
      assertEquals(posts(peer).length, passed, "one request in, one request out");
    },
  );
  await fc.assert(property, { numRuns: 200, seed: 5 });
  assert(passed > 0 && posts(peer).every((request) => /^[\x21-\x7e]+$/.test(request.target)));
});

Deno.test("promise 3: a stream with a content-length that breaks still tells of it, and is cut", async () => {
  await using peer = startEnginePeer(async (conn) => {
    const events = "data: 1\n\n";
    await conn.write(
      `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 60\r\n\r\n${events}`,
    );
    conn.close();
  });
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  using client = await RawClient.connect(router.port);
  await client.write(rawPost("/v1/chat/completions", CHAT));
  const { body, complete, headers } = await client.answer();
  assertEquals([complete, headers.get("content-length")], [false, null]);
  assertEquals(
    JSON.parse(body.split("\n\n")[1]!.replace("data: ", "")).error.code,
    "upstream_broken",
  );
});

Deno.test("a compressed event stream is a stream too: limited by silence, not by timeouts.request", async () => {
  const zip = async (text: string): Promise<Uint8Array> =>
    await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")))
      .bytes();
  const pieces = await Promise.all(
    ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n", "data: 4\n\n"].map(zip),
  );
  await using peer = startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n"));
    for (const piece of pieces) {
      await conn.write(chunk(piece));
      await new Promise((resolve) => setTimeout(resolve, 100)); // longer in all than `request`
    }
    await conn.write(chunk());
  });
  await using router = await RouterProcess.start(
    `${backendsYaml([urlOf(peer)])}timeouts: { request: 250ms }\n`,
  );
  using client = await RawClient.connect(router.port);
  await client.write(rawPost("/v1/chat/completions", CHAT, ["accept-encoding: gzip"]));
  const { body, complete, headers } = await client.answer();
  assertEquals([complete, body.length], [
    true,
    pieces.reduce((sum, { length }) => sum + length, 0),
  ]);
  assertEquals([headers.get("content-encoding"), headers.get("cache-control")], [
    "gzip",
    "no-store",
  ]);
});

Deno.test("promise 33: an engine's own cache-control stays, and keeps its answer from being compressed on the way", async () => {
  await using peer = startEnginePeer((conn) =>
    conn.write(jsonAnswer({ text: "x".repeat(2000) }, { headers: ["cache-control: no-cache"] }))
  );
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  using client = await RawClient.connect(router.port);
  await client.write(rawPost("/v1/chat/completions", CHAT, ["accept-encoding: gzip"]));
  const { headers, body } = await client.answer();
  assertEquals(headers.get("cache-control"), "no-cache, no-transform");
  assertEquals([headers.get("content-encoding"), body.length], [null, 2011]);
});

Deno.test("promise 39: a body of megabytes of brackets is refused at once, and holds nobody up", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const body = `{"model":"peer","messages":[1],"z":${"[".repeat(30_000_000)}`;
  const answer = await router.post("/v1/chat/completions", body);
  const { code, error } = await answer.json();
  assertEquals([answer.status, code], [400, "invalid_json"]);
  assertStringIncludes(error, "deeper than 256");
  assertEquals(posts(peer).length, 0);
});

Deno.test("SIGTERM does not wait for a client that never finishes its request head", async () => {
  await using sim = Sim.start();
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  using client = await RawClient.connect(router.port);
  await client.write("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n");
  await (await router.fetch("/livez")).body?.cancel();
  router.signal("SIGTERM");
  assertEquals((await router.status).code, 0);
});

Deno.test("promise 67: with 64 file descriptors the router sheds, keeps what it has, and recovers", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]), { descriptors: 64 });
  const path = "/v1/chat/completions";
  const stream = await router.post(path, chat("sim", "hi", { stream: true, max_tokens: 30 }));
  const clients: RawClient[] = [];
  for (let i = 0; i < 100; i++) {
    const client = await RawClient.connect(router.port).catch(() => undefined);
    if (client === undefined) break; // it has stopped listening: that is the moment we are after
    clients.push(client);
  }
  const body = JSON.stringify(chat("sim", "hi", { max_tokens: 1 }));
  const told = await Promise.all(clients.map(async (client) => {
    await client.write(rawPost(path, body)).catch(() => {}); // some are turned away meanwhile
    const { status } = await client.answer().catch(() => ({ status: 0 }));
    return status;
  }));
  // Deno.serve as it is turns nobody away: the kernel lets them wait.
  if (!Deno.env.has("PLAIN_SERVE")) assert(told.includes(503) && told.includes(200), `${told}`);
  assertEquals(told.filter((status) => ![0, 200, 502, 503].includes(status)), []);
  assertStringIncludes(await stream.text(), "data: [DONE]");
  for (const client of clients) client.close();
  await until("it serves again", async () => {
    const answer = await router.post(path, chat("sim", "hi", { max_tokens: 1 }))
      .catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  });
});

Deno.test("promise 67: idle connections to some engines give way where descriptors are few, and no call to another fails", async () => {
  await using stack = new AsyncDisposableStack();
  const models = ["m0", "m1", "m2", "m3", "m4"];
  const engines = models.map((id) =>
    stack.use(
      startEnginePeer(async (conn) => {
        await new Promise((resolve) => setTimeout(resolve, 50)); // all of a round are open at once
        await conn.write(jsonAnswer({ choices: [] }));
      }, { cards: [{ id, object: "model" }] }),
    )
  );
  const urls = engines.map(({ port }) => `http://127.0.0.1:${port}`);
  const router = stack.use(await RouterProcess.start(backendsYaml(urls), { descriptors: 64 }));
  for (let round = 0; round < 10; round++) {
    const model = models[round % models.length]!;
    const told = await Promise.all(Array.from({ length: 12 }, async () => {
      const answer = await router.post("/v1/chat/completions", chat(model));
      await answer.body?.cancel();
      return answer.status;
    }));
    assertEquals(new Set(told), new Set([200]));
  }
});

Deno.test("a log that nobody reads does not stop the router", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  const config = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(config, backendsYaml([sim.url]));
  const port = freePort();
  const child = routerCommand(["--config", config, "--host", "127.0.0.1", "--port", String(port)])
    .spawn();
  try {
    const url = `http://127.0.0.1:${port}`;
    await until(
      "it is ready",
      () => fetch(`${url}/readyz`).then(async (r) => (await r.text(), r.ok), () => false),
    );
    for (let i = 0; i < 1000; i++) { // far more than a pipe holds
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        body: JSON.stringify(chat("sim")),
        signal: AbortSignal.timeout(10_000),
      });
      await answer.body?.cancel();
      assertEquals(answer.status, 200);
    }
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    await Deno.remove(config);
  }
});
