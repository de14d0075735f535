import { assertEquals } from "@std/assert";
import { jsonAnswer, startEnginePeer } from "../support/engine_peer.ts";
import { latin1, RawPeer } from "../support/raw_peer.ts";
import { RawClient } from "../support/raw_client.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";

Deno.test("a path that is not in the API goes to the backend of its model, as it is, if the operator wants that", async () => {
  await using peer = RawPeer.start(async (conn) => {
    for (let r = await conn.readRequest(); r !== undefined; r = await conn.readRequest()) {
      await conn.write(jsonAnswer(
        r.target === "/v1/models"
          ? { data: [{ id: "m" }] }
          : { target: r.target, method: r.method },
      ));
    }
  });
  await using other = startEnginePeer(() => {});
  const urls = [peer, other].map(({ port }) => `http://127.0.0.1:${port}`);
  await using router = await RouterProcess.start(
    `${backendsYaml(urls)}requests: { unknown_paths: forward, default_model: m }\n`,
  );
  const ask = async (line: string, body = ""): Promise<unknown> => {
    using client = await RawClient.connect(router.port);
    const length = body === "" ? "" : `content-length: ${body.length}\r\n`;
    await client.write(`${line} HTTP/1.1\r\nhost: router\r\n${length}\r\n${body}`);
    const answer = await client.answer();
    return [answer.status, JSON.parse(answer.body).target ?? JSON.parse(answer.body).code];
  };
  assertEquals(await ask("POST /v1/audio/x?y=1", '{"model":"m"}'), [200, "/v1/audio/x?y=1"]);
  assertEquals(await ask("POST /upload", "no JSON"), [200, "/upload"]);
  assertEquals(latin1(peer.requests.at(-1)!.body), "no JSON");
  assertEquals(await ask("GET /metrics"), [200, "/metrics"]);
  assertEquals(peer.requests.at(-1)!.headers.some(([name]) => name === "content-length"), false);
  assertEquals(await ask("DELETE /v1/x/5"), [200, "/v1/x/5"]);
  assertEquals(await ask("POST /v1/x", '{"model":"none"}'), [503, "model_not_found"]);
  assertEquals(await ask("GET /v1/chat/completions"), [405, "method_not_allowed"]);
  for (
    const path of [
      "/../admin",
      "/v1/%2e%2e/admin",
      "/a/..",
      "/a%2f..%2fb",
      "/%76%31/chat/completions",
      "/v1/%zz",
    ]
  ) {
    assertEquals(await ask(`GET ${path}`), [404, "not_found"], path);
  }
  const line = await router.logged(({ path }) => path === "/metrics");
  assertEquals([line["method"], line["backend"], line["status"]], ["GET", "a", 200]);
});
