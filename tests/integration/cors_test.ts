import { assertEquals, assertStringIncludes } from "@std/assert";
import { chunk, jsonAnswer, startEnginePeer, STREAM_HEAD } from "../support/engine_peer.ts";
import type { PeerConnection, RawPeer } from "../support/raw_peer.ts";
import { type RawAnswer, RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const UI = "https://ui.example";
/** What npm openai and @anthropic-ai/sdk send from a browser, beside what is always allowed. */
const SDK_HEADERS =
  "authorization,content-type,x-api-key,anthropic-version,x-stainless-arch,x-stainless-lang,x-stainless-timeout";
const CHAT = JSON.stringify(chat("peer"));

async function withRouter(
  yaml: string,
  test: (router: RouterProcess, peer: RawPeer) => Promise<void>,
  onPost: (conn: PeerConnection) => Promise<unknown> = (conn) => conn.write(jsonAnswer({ ok: 1 })),
): Promise<void> {
  await using peer = startEnginePeer(onPost);
  await using router = await RouterProcess.start(
    `${backendsYaml([`http://127.0.0.1:${peer.port}`])}${yaml}`,
  );
  await test(router, peer);
}

async function ask(
  router: RouterProcess,
  line: string,
  headers: Record<string, string>,
): Promise<RawAnswer> {
  using client = await RawClient.connect(router.port);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await client.write(`${line} HTTP/1.1\r\nhost: router\r\n${lines}\r\n`);
  return await client.answer({ head: line.startsWith("HEAD") });
}

async function post(
  router: RouterProcess,
  { path = "/v1/chat/completions", body = CHAT, origin = UI } = {},
): Promise<RawAnswer> {
  using client = await RawClient.connect(router.port);
  await client.write(rawPost(path, body, [`origin: ${origin}`]));
  return await client.answer();
}

function preflight(router: RouterProcess, path: string, origin = UI): Promise<RawAnswer> {
  return ask(router, `OPTIONS ${path}`, {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": SDK_HEADERS,
  });
}

/** Who may read an answer, and whether it says that this depends on who asks; Deno 2.6 varies by more. */
function sharing({ headers }: RawAnswer): [origin: string | null, varies: boolean] {
  assertEquals(headers.get("access-control-allow-credentials"), null);
  const vary = headers.get("vary")?.split(", ") ?? [];
  return [headers.get("access-control-allow-origin"), vary.includes("origin")];
}

Deno.test("without cors a browser's question is answered as any other method, and no origin is named", () =>
  withRouter("", async (router) => {
    const asked = await preflight(router, "/v1/chat/completions");
    assertEquals([asked.status, asked.headers.get("allow")], [405, "POST"]);
    assertEquals(sharing(asked), [null, false]);
    assertEquals(sharing(await post(router)), [null, false]);
  }));

Deno.test("an allowed origin may ask with the SDKs' headers, on every path, for two hours", () =>
  withRouter(`cors: { origins: ["${UI}"] }\n`, async (router, peer) => {
    const methods: Record<string, string> = {
      "/v1/chat/completions": "POST",
      "/messages": "POST",
      "/v1/models": "GET, HEAD",
      "/models/a/b": "GET, HEAD",
      "/stats": "GET, HEAD",
      "/nowhere": "GET, HEAD, POST",
    };
    for (const [path, allowed] of Object.entries(methods)) {
      const { status, headers, body } = await preflight(router, path);
      assertEquals([path, status, body], [path, 204, ""]);
      assertEquals(headers.get("access-control-allow-origin"), UI);
      assertEquals(headers.get("access-control-allow-methods"), allowed);
      assertEquals(headers.get("access-control-allow-headers"), SDK_HEADERS);
      assertEquals(headers.get("access-control-max-age"), "7200");
      assertEquals(headers.get("access-control-allow-credentials"), null);
      assertStringIncludes(headers.get("vary")!, "origin");
    }
    assertEquals(peer.requests.filter(({ method }) => method === "OPTIONS"), []);
  }));

Deno.test("every answer to an allowed origin names it and shows our headers: pages, errors, answers", () =>
  withRouter(`cors: { origins: [http://other.example, "${UI}"] }\n`, async (router) => {
    const answers: Record<string, [answer: Promise<RawAnswer>, status: number]> = {
      answer: [post(router), 200],
      "bad request": [post(router, { body: "{" }), 400],
      "unknown model": [post(router, { body: JSON.stringify(chat("none")) }), 503],
      "no such path": [post(router, { path: "/nowhere" }), 404],
      "wrong method": [ask(router, "GET /v1/chat/completions", { origin: UI }), 405],
      "no question": [ask(router, "OPTIONS /v1/models", { origin: UI }), 405],
      page: [ask(router, "GET /v1/models", { origin: UI }), 200],
      head: [ask(router, "HEAD /health", { origin: UI }), 200],
      "large body": [
        ask(router, "POST /v1/messages", { origin: UI, "content-length": "99999999999" }),
        413,
      ],
    };
    for (const [what, [asked, status]] of Object.entries(answers)) {
      const answer = await asked;
      assertEquals([what, answer.status, ...sharing(answer)], [what, status, UI, true]);
      const exposed = answer.headers.get("access-control-expose-headers")!;
      for (const name of ["x-request-id", "x-infinilm-service", "retry-after", "x-should-retry"]) {
        assertStringIncludes(exposed, name);
      }
    }
  }));

Deno.test("a stream names the origin, one that breaks too", () =>
  withRouter(`cors: { origins: ["${UI}"] }\n`, async (router) => {
    const answer = await post(router);
    assertEquals([answer.complete, ...sharing(answer)], [false, UI, true]);
    assertStringIncludes(answer.body, "upstream_broken");
  }, async (conn) => {
    await conn.write(STREAM_HEAD);
    await conn.write(chunk("data: {}\n\n"));
    conn.close();
  }));

Deno.test("other origins, and none, get their answers without a word about origins", () =>
  withRouter(`cors: { origins: ["${UI}"] }\n`, async (router) => {
    for (
      const origin of ["https://evil.example", `${UI}.evil.example`, "http://ui.example", "null"]
    ) {
      assertEquals((await preflight(router, "/v1/models", origin)).status, 405);
      const answer = await post(router, { origin });
      assertEquals([answer.status, ...sharing(answer)], [200, null, true]);
    }
    const answer = await ask(router, "GET /v1/models", {});
    assertEquals([answer.status, ...sharing(answer)], [200, null, true]);
  }));

Deno.test("`*` allows every origin by that name, and never credentials", () =>
  withRouter('cors: { origins: ["*"] }\n', async (router) => {
    for (const origin of [UI, "null"]) {
      assertEquals(sharing(await post(router, { origin })), ["*", false]);
      const { headers, status } = await preflight(router, "/v1/chat/completions", origin);
      assertEquals([status, headers.get("access-control-allow-origin")], [204, "*"]);
      assertEquals(headers.get("access-control-allow-headers"), SDK_HEADERS);
      assertEquals(headers.get("access-control-allow-credentials"), null);
    }
  }));

const OF_THE_BACKEND = [
  "access-control-allow-origin: *",
  "access-control-allow-credentials: true",
  "vary: Accept-Encoding",
];

Deno.test("what a backend says of origins gives way to the configuration, and passes without one", async () => {
  const onPost = (conn: PeerConnection): Promise<unknown> =>
    conn.write(jsonAnswer({ ok: 1 }, { headers: OF_THE_BACKEND }));
  await withRouter(`cors: { origins: ["${UI}"] }\n`, async (router) => {
    assertEquals(sharing(await post(router)), [UI, true]);
    assertEquals(sharing(await post(router, { origin: "https://evil.example" })), [
      null,
      true,
    ]);
  }, onPost);
  await withRouter("", async (router) => {
    const { headers } = await post(router);
    assertEquals(headers.get("access-control-allow-origin"), "*");
  }, onPost);
});

Deno.test("a preflight that brings a body is answered as any other, and ends its connection", () =>
  withRouter(`cors: { origins: ["${UI}"] }\n`, async (router) => {
    for (
      const rest of ["content-length: 5\r\n\r\n", "transfer-encoding: chunked\r\n\r\n0\r\n\r\n"]
    ) {
      using client = await RawClient.connect(router.port);
      await client.write(
        `OPTIONS /v1/models HTTP/1.1\r\nhost: x\r\norigin: ${UI}\r\naccess-control-request-method: GET\r\n${rest}`,
      );
      const { status, headers } = await client.answer();
      assertEquals([status, headers.get("access-control-allow-origin")], [204, UI]);
      assertEquals(headers.get("connection"), "close");
    }
    assertEquals(router.log.filter(({ message }) => message === "internal error"), []);
  }));
