import { assert, assertEquals, assertMatch } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { CheckResult } from "../../../src/health/health_gate.ts";
import { learnCards } from "../../../src/health/model_list.ts";
import { probe } from "../../../src/health/probe.ts";
import type { BackendSpec } from "../../../src/registry/backend.ts";
import { UpstreamClient } from "../../../src/upstream/client.ts";
import { cards, newBackend, type TestBackend } from "../../contract/backends.ts";
import { closeOnNextWrite } from "../../support/close_on_write.ts";
import { type PeerConnection, RawPeer } from "../../support/raw_peer.ts";

/** What a page answers: its whole answer, or its JSON. Undefined: nothing at all. */
type Pages = Readonly<Record<string, string | undefined>>;

function answer(status: number, body = "", headers = ""): string {
  return `HTTP/1.1 ${status} X\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;
}

function models(...ids: string[]): string {
  return answer(200, JSON.stringify({ object: "list", data: ids.map((id) => ({ id })) }));
}

function serve(pages: Pages): RawPeer {
  return RawPeer.start(async (conn: PeerConnection) => {
    for (;;) {
      const request = await conn.readRequest();
      if (request === undefined) return;
      const page = request.target in pages ? pages[request.target] : answer(404, "{}");
      if (page !== undefined) await conn.write(page);
    }
  });
}

interface Probed {
  result: CheckResult;
  backend: TestBackend;
}

async function probeOf(
  { port }: { port: number },
  { spec = {}, path = "/health", timeoutMs = 10_000, signal = new AbortController().signal }: {
    spec?: Partial<BackendSpec>;
    path?: string;
    timeoutMs?: number;
    signal?: AbortSignal;
  } = {},
): Promise<Probed> {
  const backend = newBackend("a", { models: undefined, ...spec });
  const client = new UpstreamClient({ host: "127.0.0.1", port });
  try {
    return { result: await probe(backend, { client, path, timeoutMs, signal }), backend };
  } finally {
    client.close();
  }
}

const STATUSES: [status: number, kind: CheckResult["kind"]][] = [
  [200, "good"],
  [204, "good"],
  [299, "good"],
  [301, "miss"],
  [302, "miss"],
  [400, "miss"],
  [404, "miss"],
  [429, "miss"],
  [500, "miss"],
  [502, "miss"],
  [503, "unavailable"],
  [504, "miss"],
];

for (const [status, kind] of STATUSES) {
  Deno.test(`promise 26: a health page that answers ${status} is ${kind}, and nothing is followed`, async () => {
    const location = "location: /elsewhere\r\n";
    await using peer = serve({
      "/health": answer(status, "", location),
      "/elsewhere": answer(200),
    });
    const { result } = await probeOf(peer, { spec: { models: ["m"], engine: "openai" } });
    assertEquals(result.kind, kind);
    if (result.kind !== "good") assertEquals(result.reason, `/health answered ${status}`);
    assertEquals(peer.requests.map(({ target }) => target), ["/health"]); // no redirect was followed
  });
}

Deno.test("a check asks behind the backend's prefix, with its key, for an answer that is not compressed", async () => {
  await using peer = serve({ "/pre/live": answer(200), "/pre/v1/models": models("m") });
  const { backend } = await probeOf(peer, {
    path: "/live",
    spec: { basePath: "/pre", apiKey: "k-1" },
  });
  assertEquals(backend.models, ["m"]);
  for (const { method, headers } of peer.requests) {
    assertEquals([method, Object.fromEntries(headers)], ["GET", {
      host: `127.0.0.1:${peer.port}`,
      accept: "application/json",
      "accept-encoding": "identity",
      authorization: "Bearer k-1",
    }]);
  }
  assertEquals(peer.connections.length, 1);
});

const DISCOVERIES: [
  name: string,
  pages: Pages,
  models: string[] | undefined,
  noModels?: string,
][] = [
  ["/v1/models", { "/v1/models": models("m", "n"), "/models": models("x") }, ["m", "n"]],
  ["/models where the other is unknown", { "/models": models("x") }, ["x"]],
  ["/models where the other is no list", {
    "/v1/models": answer(200, "<html>"),
    "/models": models("x"),
  }, ["x"]],
  ["/models where the other answers another kind of JSON", {
    "/v1/models": answer(200, '{"data":{}}'),
    "/models": models("x"),
  }, ["x"]],
  [
    "/models where the other is not HTTP",
    { "/v1/models": "hello\r\n\r\n", "/models": models("x") },
    ["x"],
  ],
  ["neither", {}, undefined, "/v1/models answered 404, /models answered 404"],
  [
    "neither, where both are pages",
    { "/v1/models": answer(401), "/models": answer(200, "<html>") },
    undefined,
    "/v1/models answered 401, /models answered no model list",
  ],
  ["an empty list", { "/v1/models": models() }, undefined, "/v1/models lists no models"],
  ["only the ids that are texts", {
    "/v1/models": answer(200, '{"data":[{"id":5},null,{"id":""},"x",{"id":"m"}]}'),
  }, ["m"]],
];

for (const [name, pages, expected, noModels] of DISCOVERIES) {
  Deno.test(`a check learns the models from ${name}, says why if it does not, and is good in any case`, async () => {
    await using peer = serve({ "/health": answer(200), ...pages });
    const { result, backend } = await probeOf(peer);
    assertEquals(result, noModels === undefined ? { kind: "good" } : { kind: "good", noModels });
    assertEquals(backend.models, expected);
  });
}

Deno.test("a check that does not learn the models leaves those that are known", async () => {
  await using peer = serve({ "/health": answer(200), "/v1/models": answer(500) });
  const backend = newBackend("a", { models: undefined });
  backend.discovered(cards("m"));
  const client = new UpstreamClient({ host: "127.0.0.1", port: peer.port });
  const { signal } = new AbortController();
  await probe(backend, { client, path: "/health", timeoutMs: 10_000, signal });
  client.close();
  assertEquals(backend.models, ["m"]);
});

Deno.test("a check does not ask for models that the configuration lists, if it is known what engine that is", async () => {
  await using peer = serve({ "/health": answer(200), "/v1/models": models("x") });
  const { backend } = await probeOf(peer, { spec: { models: ["m"], engine: "openai" } });
  assertEquals([backend.models, peer.requests.length], [["m"], 1]);
});

Deno.test("a check finds out what an engine is before it is good, whether its models are listed or not", async () => {
  const list = answer(200, '{"data":[{"id":"x","owned_by":"infinilm"}]}');
  await using peer = serve({ "/health": answer(200), "/v1/models": list });
  const { result, backend } = await probeOf(peer, { spec: { models: ["m"] } });
  assertEquals([result.kind, backend.models, backend.engine], ["good", ["m"], "infinilm"]);
  await using silent = serve({ "/health": answer(200) });
  const other = await probeOf(silent, { spec: { models: ["m"] } });
  assertEquals([other.result, other.backend.engine], [{ kind: "good" }, "openai"]);
});

Deno.test("what a backend says of models that the configuration lists is asked for apart, and is no fault if it says nothing", async () => {
  const card = { id: "m", max_model_len: 8 };
  const list = answer(200, JSON.stringify({ data: [card, { id: "x" }] }));
  for (const [page, said] of [[list, { max_model_len: 8 }], [answer(401), undefined]] as const) {
    await using peer = serve({ "/models": page });
    const backend = newBackend("a", { models: ["m"] });
    const client = new UpstreamClient({ host: "127.0.0.1", port: peer.port });
    await learnCards(backend, { client, timeoutMs: 10_000, signal: new AbortController().signal });
    client.close();
    assertEquals([backend.models, backend.card("m")?.fields], [["m"], said]);
    assertEquals(backend.card("x"), undefined);
  }
});

Deno.test("promise 26: a backend that is silent is a miss after the time-out, and its connection is closed", async () => {
  await using peer = serve({ "/health": undefined });
  let probed: Promise<Probed>;
  {
    using time = new FakeTime();
    probed = probeOf(peer, { timeoutMs: 5000 });
    await peer.received(1);
    time.tick(4999);
    assertEquals(peer.connections[0]!.ended, false);
    time.tick(1);
    const { result } = await probed;
    const reason = "/health: no answer within 5000 ms";
    assertEquals(result, { kind: "miss", reason, silent: true });
  }
  await peer.connections[0]!.closedByPeer;
});

Deno.test("a model list that does not come does not make a good check a miss, nor longer than its time", async () => {
  await using peer = serve({ "/health": answer(200), "/v1/models": undefined });
  using time = new FakeTime();
  const probed = probeOf(peer, { timeoutMs: 5000 });
  await peer.received(2);
  time.tick(5000);
  const { result, backend } = await probed;
  assertEquals([result.kind, backend.models], ["good", undefined]);
});

Deno.test("a check that is stopped ends at once and closes its connection", async () => {
  await using peer = serve({ "/health": undefined });
  const stop = new AbortController();
  const probed = probeOf(peer, { signal: stop.signal });
  await peer.received(1);
  stop.abort();
  assertEquals((await probed).result.kind, "miss");
  await peer.connections[0]!.closedByPeer;
});

Deno.test("a check that is stopped before it begins asks nobody", async () => {
  await using peer = serve({ "/health": answer(200) });
  const { result } = await probeOf(peer, { signal: AbortSignal.abort() });
  assertEquals([result.kind, peer.connections.length], ["miss", 0]);
});

Deno.test("promise 26: a page without end is given up at 1 MiB", async () => {
  await using peer = RawPeer.start(async (conn) => {
    await conn.readRequest();
    await conn.write("HTTP/1.1 200 OK\r\n\r\n");
    while (await conn.write(new Uint8Array(64 * 1024)));
  });
  const { result } = await probeOf(peer);
  assertEquals(result.kind, "miss");
  assertMatch(result.kind === "miss" ? result.reason : "", /larger than 1048576 bytes/);
  await peer.connections[0]!.closedByPeer;
});

const UNWELL: [name: string, script: (conn: PeerConnection) => Promise<unknown>, reason: RegExp][] =
  [
    ["closes without an answer", async (conn) => {
      await conn.readRequest();
      conn.close();
    }, /^\/health: .*closed/],
    ["resets", async (conn) => {
      conn.hold();
      await conn.readRequest();
      await conn.reset();
    }, /^\/health: .*reset/i],
    [
      "answers garbage",
      (conn) => conn.write("SSH-2.0-x\r\n\r\n"),
      /^\/health: invalid status line/,
    ],
    ["breaks off its page", async (conn) => {
      await conn.readRequest();
      await conn.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok");
      conn.close();
    }, /^\/health: .*ended before/],
  ];

for (const [name, script, reason] of UNWELL) {
  Deno.test(`a backend that ${name} is a miss that says so`, async () => {
    await using peer = RawPeer.start(async (conn) => void await script(conn));
    const { result } = await probeOf(peer);
    assert(result.kind === "miss");
    assertMatch(result.reason, reason);
  });
}

Deno.test("a backend that refuses the connection is a miss", async () => {
  const peer = RawPeer.start(() => {});
  await peer[Symbol.asyncDispose]();
  const { result } = await probeOf(peer);
  assert(result.kind === "miss");
  assertMatch(result.reason, /refused/i);
});

Deno.test("a check that asks whether new connections can be made does not take a kept one", async () => {
  await using peer = serve({ "/health": answer(200) });
  const backend = newBackend("a");
  const client = new UpstreamClient({ host: "127.0.0.1", port: peer.port });
  const { signal } = new AbortController();
  const options = { client, path: "/health", timeoutMs: 10_000, signal };
  await probe(backend, options);
  await probe(backend, options);
  assertEquals(peer.connections.length, 1);
  await probe(backend, { ...options, fresh: true });
  assertEquals(peer.connections.length, 2);
  client.close();
});

Deno.test("a check that this process cannot make says so, and nothing about the backend", async () => {
  const original = Deno.connect;
  const lacking = (): Promise<never> =>
    Promise.reject(new Error("Cannot assign requested address (os error 99)"));
  Deno.connect = lacking as unknown as typeof Deno.connect;
  try {
    const { result } = await probeOf({ port: 1 });
    assertEquals(result.kind, "local");
  } finally {
    Deno.connect = original;
  }
});

Deno.test("a check whose kept connection had just been closed asks again on a new one", async () => {
  await using peer = serve({ "/health": answer(200) });
  const backend = newBackend("a");
  const client = new UpstreamClient({ host: "127.0.0.1", port: peer.port });
  const { signal } = new AbortController();
  const options = { client, path: "/health", timeoutMs: 10_000, signal };
  await probe(backend, options);
  closeOnNextWrite(() => peer.connections[0]!);
  assertEquals(await probe(backend, options), { kind: "good" });
  assertEquals(peer.connections.length, 2);
  client.close();
});

Deno.test("one that nobody listens at may be starting, one that is silent or answers is not", async () => {
  const gone = serve({});
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  const reasonOf = async (maybeStarting: boolean): Promise<string> => {
    const client = new UpstreamClient({ host: "127.0.0.1", port });
    const { signal } = new AbortController();
    const options = { client, path: "/health", timeoutMs: 5000, signal, maybeStarting };
    const result = await probe(newBackend("a"), options);
    return result.kind === "good" ? "" : result.reason;
  };
  assertMatch(await reasonOf(true), /^\/health: .* \(starting\)$/);
  assertMatch(await reasonOf(false), /^\/health: .*[^)]$|os error \d+\)$/);
});
