import { assertEquals, assertStringIncludes } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { jsonAnswer, posts, startEnginePeer } from "../support/engine_peer.ts";
import { RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const BODY = JSON.stringify(chat("sim"));

/** Runs `test` with one router and one engine behind it. */
async function withRouter(test: (router: RouterProcess, sim: Sim) => Promise<void>): Promise<void> {
  await using sim = Sim.start({ timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}limits: { max_body: 64KiB }\n`,
  );
  await test(router, sim);
  const alive = await router.fetch("/livez");
  assertEquals(alive.status, 200, "still alive");
  await alive.body?.cancel();
  assertEquals(router.log.filter((line) => line.message === "internal error"), []);
}

/** Sends bytes on a connection of their own; `closed` stands for one closed without an answer. */
async function statusOf(
  router: RouterProcess,
  bytes: string,
): Promise<{ status: number | "closed"; code: unknown }> {
  using client = await RawClient.connect(router.port);
  await client.write(bytes);
  try {
    const { status, body } = await client.answer();
    return { status, code: body.startsWith("{") ? JSON.parse(body).code : undefined };
  } catch (error) {
    if (client.end === undefined || client.received !== "") throw error;
    return { status: "closed", code: undefined };
  }
}

Deno.test("promise 29: a Host header that is no host is refused before anything looks at the path", () =>
  withRouter(async (router) => {
    const hosts = [
      "x/admin/drain?",
      "x/admin#",
      "a b",
      "[::1",
      "x:99999",
      "a/b@c",
      "user@x",
      "x,y",
      "",
      "http://x",
      "x\\y",
      "x%2fy",
    ];
    for (const host of hosts) {
      const { status, code } = await statusOf(
        router,
        `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      );
      assertEquals([host, status, code], [host, 400, "bad_request"]);
    }
    for (const asked of ["GET /v1/models", "GET /nowhere", "POST /livez", "POST /v1/embeddings"]) {
      for (const version of ["1.0", "1.1"]) {
        assertEquals(
          (await statusOf(router, `${asked} HTTP/${version}\r\n\r\n`)).status,
          asked.startsWith("POST /livez") ? 405 : 400,
        );
      }
    }
    assertEquals(
      (await statusOf(router, "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")).status,
      400,
    );
    for (
      const host of ["x", "X.example:8000", "[::1]:8000", "127.0.0.1", "my_node-1", "localhost:"]
    ) {
      assertEquals(
        (await statusOf(router, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status,
        200,
        host,
      );
    }
  }));

Deno.test("a probe of HTTP/1.0 without a Host is answered, as HAProxy sends it", () =>
  withRouter(async (router) => {
    for (const path of ["/livez", "/v1/readyz", "/health", "/services", "/stats"]) {
      for (const rest of ["", "Connection: keep-alive\r\n"]) {
        const { status } = await statusOf(router, `GET ${path} HTTP/1.0\r\n${rest}\r\n`);
        assertEquals([path, status], [path, 200]);
      }
    }
    const head = await statusOf(router, "HEAD /livez HTTP/1.0\r\n\r\n");
    assertEquals(head.status, 200);
  }));

/** Sent right behind each of `SMUGGLED`: an engine would get it, if it were taken for a request. */
const HIDDEN = rawPost("/v1/chat/completions", JSON.stringify(chat("sim", "HIDDEN")));
/** What of RFC 9112's ambiguities a smuggler uses, and the answer where it is not 400. */
const SMUGGLED: readonly (readonly [name: string, rest: string, status?: number])[] = [
  ["both lengths", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["both lengths, TE first", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"],
  ["two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"],
  ["a list of lengths", "Content-Length: 5, 6\r\n\r\nhello"],
  ["a signed length", "Content-Length: +5\r\n\r\nhello"],
  ["a negative length", "Content-Length: -1\r\n\r\n"],
  ["a hex length", "Content-Length: 0x5\r\n\r\nhello"],
  ["a length with a space in it", "Content-Length: 1 0\r\n\r\nhello"],
  ["an empty length", "Content-Length: \r\n\r\n"],
  ["a huge length", "Content-Length: 99999999999999999999\r\n\r\n"],
  ["TE xchunked", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
  ["TE identity", "Transfer-Encoding: identity\r\n\r\n"],
  ["TE gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501],
  ["TE chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501],
  ["TE chunked, identity", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"],
  ["TE twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"],
  ["TE with a quoted value", 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'],
  ["space before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"],
  ["obs-fold", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"],
  ["a folded length", "X: y\r\n Content-Length: 5\r\n\r\nhello"],
  ["bare CR in a header", "X: y\rContent-Length: 5\r\n\r\nhello"],
  ["NUL in a header", "X: y\0z\r\nContent-Length: 0\r\n\r\n"],
  ["a header without a colon", "Content-Length 5\r\n\r\nhello"],
  ["an empty header name", ": 5\r\n\r\n"],
  ["a chunk size of 0x5", "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"],
  ["a signed chunk size", "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"],
  ["a negative chunk size", "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"],
  ["an empty chunk size", "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n"],
  [
    "an overflowing chunk size",
    "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
  ],
  ["a chunk longer than its size", "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"],
];

Deno.test("promise 30: ambiguous framing is refused, and no engine sees anything of it", () =>
  withRouter(async (router, sim) => {
    for (const [name, rest, expected = 400] of SMUGGLED) {
      const bytes = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n${rest}${HIDDEN}`;
      assertEquals([name, (await statusOf(router, bytes)).status], [name, expected]);
    }
    // Deno shows no length that stands behind a transfer-encoding: such a call goes on, but nothing behind it.
    const whole = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
    for (const length of ["5", "zz", `${whole.length + HIDDEN.length}`]) {
      using client = await RawClient.connect(router.port);
      const head =
        `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n`;
      await client.write(`${head}Content-Length: ${length}\r\n\r\n${whole}${HIDDEN}`);
      const all = await client.rest();
      assertEquals(all.split("HTTP/1.1 ").length - 1, 1, all);
    }
    assertEquals(sim.calls.filter(({ body }) => body.includes("HIDDEN")), []);
    const lines = [
      `POST /v1/chat/completions HTTP/1.2\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
      `POST /v1/chat/completions HTTP/1.1 \r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
      `POST /v1/chat completions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
      `\0POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
    ];
    for (const bytes of lines) {
      const { status } = await statusOf(router, bytes);
      assertEquals([bytes, status], [bytes, 400]);
    }
  }));

Deno.test("promise 30: pipelined requests are answered in order, each with its own answer", () =>
  withRouter(async (router, sim) => {
    using client = await RawClient.connect(router.port);
    const bodies = [1, 2, 3].map((i) => JSON.stringify(chat("sim", `echo:pipelined-${i} `)));
    await client.write(bodies.map((body) => rawPost("/v1/chat/completions", body)).join(""));
    for (const i of [1, 2, 3]) {
      assertStringIncludes((await client.answer()).body, `pipelined-${i} `);
    }
    assertEquals(sim.calls.length, 3);
  }));

Deno.test("promise 31: hop-by-hop headers, and those that Connection names, do not reach the engine", () =>
  withRouter(async (router, sim) => {
    using client = await RawClient.connect(router.port);
    await client.write(rawPost("/v1/chat/completions", BODY, [
      "Connection: keep-alive, x-secret",
      "x-secret: 1",
      "Keep-Alive: timeout=5",
      "TE: trailers",
      "Trailer: x-t",
      "Upgrade: h2c",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
      "Proxy-Authorization: Basic x",
      "Proxy-Connection: keep-alive",
      "x-end-to-end: stays",
      "authorization: Bearer mine",
    ]));
    assertEquals((await client.answer()).status, 200);
    const { headers } = sim.calls[0]!;
    const gone = [
      "connection",
      "x-secret",
      "keep-alive",
      "te",
      "trailer",
      "upgrade",
      "http2-settings",
    ];
    for (const name of [...gone, "proxy-authorization", "proxy-connection", "expect"]) {
      assertEquals([name, headers[name]], [name, undefined]);
    }
    assertEquals([headers["x-end-to-end"], headers["authorization"]], ["stays", "Bearer mine"]);
    assertEquals(headers["host"], `127.0.0.1:${sim.port}`);
    assertEquals(headers["x-forwarded-for"], "127.0.0.1");
    assertEquals(headers["accept-encoding"], "identity");
  }));

Deno.test("promise 31: Connection may not take away what the request means", () =>
  withRouter(async (router, sim) => {
    const { status, code } = await statusOf(
      router,
      rawPost("/v1/chat/completions", BODY, [
        "Connection: authorization",
        "authorization: Bearer x",
      ]),
    );
    assertEquals([status, code, sim.calls.length], [400, "bad_request", 0]);
  }));

Deno.test("promise 32: codings that are not plain are refused: 501 for transfer, 415 for content", () =>
  withRouter(async (router, sim) => {
    const te = await statusOf(
      router,
      `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    );
    assertEquals([te.status, te.code], [501, "not_implemented"]);
    for (const header of ["content-encoding: gzip", "content-encoding: br"]) {
      const { status, code } = await statusOf(
        router,
        rawPost("/v1/chat/completions", BODY, [header]),
      );
      assertEquals([status, code], [415, "unsupported_encoding"]);
    }
    const multipart = rawPost("/v1/chat/completions", BODY).replace(
      "application/json",
      "multipart/form-data; boundary=x",
    );
    assertEquals(await statusOf(router, multipart), { status: 415, code: "unsupported_encoding" });
    assertEquals(sim.calls, []);
    const strange = rawPost("/v1/chat/completions", BODY, ["content-encoding: identity"])
      .replace("application/json", "text/plain");
    assertEquals(
      (await statusOf(router, strange)).status,
      200,
      "content-type is otherwise not looked at",
    );
    const same = rawPost("/v1/chat/completions", BODY).replace(
      /content-length: (\d+)/,
      "content-length: $1\r\ncontent-length: $1",
    );
    assertEquals((await statusOf(router, same)).status, 200, "the same length twice is one length");
    assertEquals(sim.calls.map(({ headers }) => headers["content-length"]), [
      String(BODY.length),
      String(BODY.length),
    ]);
  }));

Deno.test("promise 34: paths are matched as they are written, never decoded or normalised", () =>
  withRouter(async (router, sim) => {
    const paths = [
      "/v1/../livez",
      "/v1/%2e%2e/livez",
      "/v1\\..\\livez",
      "//livez",
      "/v1//models",
      "/%6civez",
      "/livez/",
      "/livez%2f",
      "/V1/models",
      "/v1/v1/models",
      "/livez;x",
      "/v1/chat/completions/",
      "/",
      `/${"a".repeat(30_000)}`,
    ];
    for (const path of paths) {
      const { status } = await statusOf(router, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      assertEquals([path.slice(0, 40), status], [path.slice(0, 40), 404]);
    }
    assertEquals(
      (await statusOf(router, "GET http://evil/livez HTTP/1.1\r\nHost: x\r\n\r\n")).status,
      400,
    );
    assertEquals(
      (await statusOf(router, "GET http://x/livez HTTP/1.1\r\nHost: x\r\n\r\n")).status,
      200,
    );
    assertEquals(
      (await statusOf(router, "GET /livez?a=/v1/../x HTTP/1.1\r\nHost: x\r\n\r\n")).status,
      200,
    );
    assertEquals(
      (await statusOf(router, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")).status,
      404,
    );
    const long = await statusOf(router, `GET /${"a".repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assertEquals(long.status, 414);
    assertEquals(sim.calls, []);
  }));

Deno.test("promise 35: HEAD has no body, other methods get 405 with allow, unknown ones 501", () =>
  withRouter(async (router) => {
    for (const path of ["/livez", "/models", "/health", "/v1/stats"]) {
      using client = await RawClient.connect(router.port);
      await client.write(
        `HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      const head = await client.answer({ head: true });
      assertEquals([path, head.status], [path, 200]);
      assertEquals(
        (await client.answer()).body,
        '{"status":"alive"}',
        "the next answer begins right behind the head",
      );
    }
    for (const method of ["OPTIONS", "TRACE", "DELETE", "PUT", "PATCH", "POST"]) {
      using client = await RawClient.connect(router.port);
      await client.write(
        `${method} /models HTTP/1.1\r\nHost: x\r\n${
          method === "POST" ? "Content-Length: 0\r\n" : ""
        }\r\n`,
      );
      const { status, headers } = await client.answer();
      assertEquals([method, status, headers.get("allow")], [method, 405, "GET, HEAD"]);
    }
    const get = await router.fetch("/v1/chat/completions");
    assertEquals([get.status, get.headers.get("allow"), (await get.json()).code], [
      405,
      "POST",
      "method_not_allowed",
    ]);
    for (const method of ["FOO", "get"]) {
      const { status } = await statusOf(router, `${method} /models HTTP/1.1\r\nHost: x\r\n\r\n`);
      assertEquals([method, status], [method, 501]);
    }
    const connect = await statusOf(router, "CONNECT /models HTTP/1.1\r\nHost: x\r\n\r\n");
    assertEquals(connect.status, 400, "refused by Deno's own parser");
  }));

Deno.test("variables of the environment neither move the router nor its calls", async () => {
  await using sim = Sim.start();
  const dead = "http://127.0.0.1:9";
  await using router = await RouterProcess.start(backendsYaml([sim.url]), {
    env: {
      DENO_SERVE_ADDRESS: "tcp:127.0.0.1:9",
      HTTP_PROXY: dead,
      http_proxy: dead,
      ALL_PROXY: dead,
      NO_PROXY: "",
    },
  });
  const answer = await router.post("/chat/completions", chat("sim"));
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("a request with a transfer-encoding is the last on its connection, whatever it asks and gets", () =>
  withRouter(async (router) => {
    const hello = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
    for (const line of ["POST /v1/chat/completions", "POST /nope", "GET /livez", "POST /livez"]) {
      using client = await RawClient.connect(router.port);
      await client.write(
        `${line} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${hello}${HIDDEN}`,
      );
      const all = await client.rest();
      assertEquals([line, all.split("HTTP/1.1 ").length - 1], [line, 1], all);
    }
  }));

Deno.test("a backend that leads back to the router gets a call once, not for as long as there is room", async () => {
  let port = 0;
  await using peer = startEnginePeer(async (conn, { headers, body }) => {
    const via = headers.find(([name]) => name === "via")![1];
    const text = new TextDecoder().decode(body);
    using client = await RawClient.connect(port);
    await client.write(rawPost("/v1/chat/completions", text, [`via: ${via}, 1.1 between`]));
    const { status, body: answer } = await client.answer();
    await conn.write(jsonAnswer(JSON.parse(answer), { status: `${status} X` }));
  });
  await using router = await RouterProcess.start(backendsYaml([`http://127.0.0.1:${peer.port}`]));
  port = router.port;
  const answer = await router.post("/v1/chat/completions", chat("peer"));
  assertEquals([answer.status, (await answer.json()).code], [503, "loop_detected"]);
  assertEquals(posts(peer).length, 1);
});
