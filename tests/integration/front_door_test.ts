import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { chunk, jsonAnswer, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

/** Whether the router runs as on a runtime that lets nobody own its connections. */
const plain = Deno.env.has("PLAIN_SERVE");
const CHAT = JSON.stringify(chat("peer"));
const HEALTH = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";

function urlOf(peer: { port: number }): string {
  return `http://127.0.0.1:${peer.port}`;
}

/** How many sockets a process holds, as Linux counts them. */
function sockets(pid: number): number {
  let count = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      if (Deno.readLinkSync(`/proc/${pid}/fd/${name}`).startsWith("socket:")) count++;
    } catch {
      // closed meanwhile
    }
  }
  return count;
}

async function gone(router: RouterProcess, before: number): Promise<void> {
  await until(
    "the router's side of the connection is gone",
    () => sockets(router.pid) <= before,
    { seen: () => `${sockets(router.pid)} sockets, ${before} before` },
  );
}

interface Lateness {
  first: number;
  worst: number;
}

/** Streams on one kept connection; how late events of each came, in milliseconds after their sending. */
async function lateness(router: RouterProcess, sent: number[]): Promise<Lateness[]> {
  using client = await RawClient.connect(router.port);
  const streams: Lateness[] = [];
  for (let stream = 0; stream < 5; stream++) {
    const late: Lateness = { first: 0, worst: 0 };
    sent.length = 0;
    await client.write(rawPost("/v1/chat/completions", CHAT));
    for (let event = 0; event < 100; event++) {
      await client.until(`data: ${event}\n\n`);
      const delay = performance.now() - sent[event]!;
      late.worst = Math.max(late.worst, delay);
      if (event === 0) late.first = Math.max(late.first, delay);
    }
    await client.until("0\r\n\r\n");
    streams.push(late);
  }
  return streams;
}

Deno.test("every event of a stream on a kept connection comes at once, the second one, too", async () => {
  const sent: number[] = [];
  await using peer = startEnginePeer(async (conn) => {
    await conn.write(STREAM_HEAD);
    const began = performance.now();
    for (let event = 0; event < 100; event++) {
      const wait = began + event * 5 - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      sent[event] = performance.now();
      await conn.write(chunk(`data: ${event}\n\n`));
    }
    await conn.write(chunk());
  });
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  const seen: Lateness[] = [];
  // Nagle's algorithm holds an event of every stream but the first for 40 ms; a busy machine some.
  for (let round = 0; round < 4; round++) {
    const [, ...later] = await lateness(router, sent);
    if (later.some(({ first, worst }) => first <= 15 && worst <= 20)) return;
    seen.push(...later);
  }
  if (!plain) throw new Error(`late in every stream: ${JSON.stringify(seen)}`);
});

const limits: [name: string, bytes: string[]][] = [
  ["timeouts.head: a connection that says nothing", []],
  ["timeouts.head: a first head that comes half", ["GET /livez HTTP/1.1\r\nhos"]],
  ["timeouts.keep_alive: a connection that is not used again", [HEALTH]],
  ["timeouts.keep_alive: a second head that comes half", [HEALTH, "GET /livez HTT"]],
];

for (const [name, [first = "", second = ""]] of limits) {
  Deno.test({
    name: `${name} is closed, and nothing stays behind`,
    ignore: plain,
    async fn(): Promise<void> {
      await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
      await using router = await RouterProcess.start(
        `${backendsYaml([urlOf(peer)])}timeouts: { head: 300ms, keep_alive: 400ms }\n`,
      );
      const before = sockets(router.pid);
      using client = await RawClient.connect(router.port);
      await client.write(first);
      if (first === HEALTH) assertEquals((await client.answer()).status, 200);
      await client.write(second);
      await client.rest();
      await gone(router, before);
    },
  });
}

Deno.test({
  name: "a client that sends its next request in time keeps its connection",
  ignore: plain,
  async fn(): Promise<void> {
    await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
    await using router = await RouterProcess.start(
      `${backendsYaml([urlOf(peer)])}timeouts: { head: 500ms, keep_alive: 1s }\n`,
    );
    using client = await RawClient.connect(router.port);
    for (let i = 0; i < 8; i++) {
      await client.write(i % 2 === 0 ? HEALTH : rawPost("/v1/chat/completions", CHAT));
      assertEquals((await client.answer()).status, 200);
      await new Promise((resolve) => setTimeout(resolve, 200)); // longer in all than any limit
    }
  },
});

Deno.test({
  name:
    "limits.max_connections: one more is answered with 503 and closed, and told once; then others are taken again",
  ignore: plain,
  async fn(): Promise<void> {
    await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
    await using router = await RouterProcess.start(
      `${backendsYaml([urlOf(peer)])}limits: { max_connections: 3 }\n`,
    );
    const kept = await Promise.all([1, 2, 3].map(() => RawClient.connect(router.port)));
    for (const client of kept) {
      await client.write(HEALTH);
      assertEquals((await client.answer()).status, 200);
    }
    for (let i = 0; i < 5; i++) {
      using client = await RawClient.connect(router.port);
      await client.write(rawPost("/v1/chat/completions", CHAT));
      const { status, headers, body } = await client.answer();
      assertEquals([status, JSON.parse(body).code], [503, "at_capacity"]);
      assertEquals([headers.get("retry-after"), headers.get("connection")], ["1", "close"]);
      await client.rest();
      assertEquals(client.end, "fin");
    }
    await router.logged(({ message }) => message === "connections are turned away");
    const told = router.log.filter(({ message }) => message === "connections are turned away");
    assertEquals(told.map((line) => line["max_connections"]), [3]);
    for (const client of kept) client.close();
    await until("a connection is taken again", async () => {
      using client = await RawClient.connect(router.port);
      await client.write(HEALTH);
      return (await client.answer()).status === 200;
    });
  },
});

Deno.test({
  name:
    "limits.max_connections: where file descriptors are few it is lowered, which is said at the start",
  ignore: plain,
  async fn(): Promise<void> {
    await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
    await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]), {
      descriptors: 100,
    });
    const line = await router.logged(({ message }) => message.startsWith("fewer client conn"));
    const max = line["max_connections"] as number;
    assert(max > 20 && max < 50, `${max}`);
    assertEquals(line["configured"], 4096);
  },
});

Deno.test({
  name: "limits.max_requests: one more call is answered with 503",
  async fn(): Promise<void> {
    await using sim = Sim.start({ fault: "stall_before_head" });
    await using router = await RouterProcess.start(
      `${backendsYaml([sim.url])}limits: { max_requests: 2 }\n`,
    );
    const leaving = new AbortController();
    const running = [1, 2].map(() =>
      router.fetch("/chat/completions", {
        method: "POST",
        body: JSON.stringify(chat("sim")),
        signal: leaving.signal,
      }).catch(() => {})
    );
    await until("both are under way", () => sim.calls.length === 2);
    const answer = await router.post("/v1/chat/completions", chat("sim"));
    assertEquals([answer.status, (await answer.json()).code], [503, "at_capacity"]);
    assertEquals(answer.headers.get("retry-after"), "1");
    leaving.abort();
    await Promise.all(running);
  },
});

Deno.test({
  name:
    "timeouts.client_stall: a client that reads nothing is cut for real: its socket is closed and nothing stays behind",
  ignore: plain,
  async fn(): Promise<void> {
    for (const head of [STREAM_HEAD, STREAM_HEAD.replace("text/event-stream", "audio/mpeg")]) {
      await using peer = startEnginePeer(async (conn) => {
        await conn.write(head);
        const event = chunk(`data: ${"x".repeat(60_000)}\n\n`);
        while (!conn.ended && await conn.write(event));
      });
      await using router = await RouterProcess.start(
        `${backendsYaml([urlOf(peer)])}timeouts: { client_stall: 300ms }\n`,
      );
      const before = sockets(router.pid);
      using client = await RawClient.connect(router.port);
      await client.write(rawPost("/v1/chat/completions", CHAT, ["x-request-id: slow"]));
      const line = await router.call("slow");
      assertEquals([line["status"], line["outcome"]], [499, "client_left"]);
      await gone(router, before);
      assertEquals((await router.stats("a"))["error_count"], 0);
    }
  },
});

const refusals: [what: string, path: string, headers: string[], status: number][] = [
  ["an unknown path", "/nope", [], 404],
  ["a page", "/models", [], 405],
  ["a length above limits.max_body", "/v1/chat/completions", [], 413],
  ["a coding that is not read", "/v1/chat/completions", ["content-encoding: gzip"], 415],
];

for (const [what, path, headers, status] of refusals) {
  Deno.test(`a client that writes all of its 4 MB before it reads gets the ${status} for ${what}`, async () => {
    await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
    await using router = await RouterProcess.start(
      `${backendsYaml([urlOf(peer)])}limits: { max_body: ${status === 413 ? 3 : 8}MiB }\n`,
    );
    const body = "x".repeat(4_000_000);
    // Up to max_body of a body above it is dropped: what is left fits into the sockets' buffers.
    for (let i = 0; i < 5; i++) {
      using client = await RawClient.connect(router.port);
      await client.write(rawPost(path, body, headers));
      const answer = await client.answer();
      assertEquals([answer.status, answer.complete], [status, true]);
      assertEquals(answer.headers.get("connection"), "close");
      await client.rest();
    }
  });
}

Deno.test("a refusal comes at once, however slowly the body does, and then the connection closes", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  using client = await RawClient.connect(router.port);
  await client.write("POST /nope HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000\r\n\r\nxx");
  assertStringIncludes(await client.until('"not_found"'), "404 Not Found");
  if (plain) return; // then it closes when the client does
  const began = performance.now();
  await client.rest();
  assert(performance.now() - began > 4000, "the rest is waited for");
});

Deno.test("a refused request without a body, or whose body is here, keeps its connection", async () => {
  await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
  await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
  using client = await RawClient.connect(router.port);
  for (let i = 0; i < 3; i++) {
    await client.write("GET /nope HTTP/1.1\r\nhost: x\r\n\r\n");
    assertEquals((await client.answer()).status, 404);
    await client.write(rawPost("/v1/chat/completions", "{}"));
    assertEquals((await client.answer()).status, 400);
  }
});

Deno.test("SIGTERM ends idle connections at once, and a running stream runs to its end", async () => {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 20 });
  await using router = await RouterProcess.start(backendsYaml([sim.url]));
  using idle = await RawClient.connect(router.port);
  await idle.write(HEALTH);
  await idle.answer();
  using running = await RawClient.connect(router.port);
  await running.post("/v1/chat/completions", chat("sim", "hi", { stream: true, max_tokens: 15 }));
  await running.until("data: ");
  router.signal("SIGTERM");
  assertEquals(await idle.rest(), "");
  assertStringIncludes(await running.rest(), "data: [DONE]\n\n\r\n0\r\n\r\n");
  assertEquals((await router.status).code, 0);
});

for (const [what, size] of [["small", 1000], ["large", 300_000]] as const) {
  Deno.test(`SIGTERM lets a call with a ${what} body that waits for its whole answer have it, and then closes`, async () => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    await using peer = startEnginePeer(async (conn) => {
      asked.resolve();
      await go.promise;
      await conn.write(jsonAnswer({ ok: true }));
    });
    await using router = await RouterProcess.start(backendsYaml([urlOf(peer)]));
    using client = await RawClient.connect(router.port);
    await client.write(rawPost("/v1/chat/completions", CHAT.padEnd(size)));
    await asked.promise;
    router.signal("SIGTERM");
    await router.logged(({ message }) => message === "draining");
    go.resolve();
    assertEquals((await client.answer()).body, '{"ok":true}');
    assertEquals(await client.rest(), "");
    assertEquals((await router.status).code, 0);
  });

  Deno.test(`a ${what} upload that stalls gets its 408, and its connection closes`, async () => {
    await using peer = startEnginePeer((conn) => conn.write(jsonAnswer({ ok: true })));
    await using router = await RouterProcess.start(
      `${backendsYaml([urlOf(peer)])}timeouts: { request: 300ms }\n`,
    );
    using client = await RawClient.connect(router.port);
    await client.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n{`,
    );
    assertStringIncludes(await client.until('"request_timeout"'), "408 Request Timeout");
    if (!plain) await client.rest();
  });
}
