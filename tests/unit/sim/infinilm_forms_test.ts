import { assert, assertEquals, assertMatch } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { chunk } from "../../../src/sim/infinilm_forms.ts";
import { RawClient, rawPost } from "../../support/raw_client.ts";
import { chat, get, post, readStream, readWhole, withInfiniLm } from "./infinilm_client.ts";

const DATE = /date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/;

/** Everything that comes for a call whose connection is closed after it. */
async function wire(port: number, body: object, path: string): Promise<string> {
  using client = await RawClient.connect(port);
  await client.write(rawPost(path, JSON.stringify(body), ["connection: close"]));
  return await client.rest();
}

Deno.test("InfiniLM: a whole answer, byte for byte, on both paths", async () => {
  await withInfiniLm({}, async (sim) => {
    for (const path of ["/chat/completions", "/v1/chat/completions"]) {
      const text = await wire(sim.port, chat("echo:t0 t1 t2"), path);
      assertMatch(text, DATE);
      const [head = "", body = ""] = text.replace(DATE, "").split("\r\n\r\n");
      assertEquals(
        head,
        "HTTP/1.1 200 OK\r\nserver: uvicorn\r\n" +
          `content-length: ${body.length}\r\ncontent-type: application/json\r\nConnection: close`,
      );
      assertMatch(
        body,
        /^{"id":"cmpl-[0-9a-f]{32}","object":"chat\.completion","created":\d{10},"model":"stub-7b","system_fingerprint":null,"choices":\[{"index":0,"message":{"role":"assistant","content":"t0 t1"},"logprobs":null,"finish_reason":"length"}\],"usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11}}$/,
      );
    }
  });
});

Deno.test("InfiniLM: a stream, byte for byte: no role, an extra text, no usage, no cache-control", async () => {
  await withInfiniLm({}, async (sim) => {
    const body = chat("echo:t0 t1 t2", { stream: true, stream_options: { include_usage: true } });
    const text = await wire(sim.port, body, "/v1/chat/completions");
    const [head = "", ...rest] = text.replace(DATE, "").split("\r\n\r\n");
    assertEquals(
      head,
      "HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\n" +
        "Transfer-Encoding: chunked\r\nConnection: close",
    );
    const opening = String
      .raw`data: {"id": "cmpl-[0-9a-f]{32}", "object": "chat\.completion\.chunk", "created": \d{10}, "model": "stub-7b", "system_fingerprint": null, "choices": \[{"index": 0, `;
    const end = String.raw`, "logprobs": null, "finish_reason": `;
    const size = String.raw`\r\n[0-9a-f]+\r\n`;
    assertMatch(
      "\r\n" + rest.join("\r\n\r\n"),
      new RegExp(
        `^${size}${opening}"text": "t0", "delta": {"content": "t0"}${end}null}\\]}\n\n` +
          `${size}${opening}"text": " t1", "delta": {"content": " t1"}${end}null}\\]}\n\n` +
          `${size}${opening}"text": null, "delta": {}${end}"length"}\\]}\n\n` +
          "\r\ne\r\ndata: \\[DONE\\]\n\n\r\n0\r\n\r\n$",
      ),
    );
  });
});

Deno.test("InfiniLM: the list of models has one entry, created now; a query changes nothing", async () => {
  await withInfiniLm({ models: ["stub-7b", "other"] }, async (sim) => {
    for (const path of ["/models", "/v1/models?x=1"]) {
      assertMatch(
        (await get(sim, path)).body,
        /^{"object":"list","data":\[{"id":"stub-7b","object":"model","created":\d{10},"owned_by":"infinilm"}\]}$/,
      );
    }
  });
});

Deno.test("InfiniLM: created is taken anew for every chunk", () => {
  using time = new FakeTime(1_000_000_000_000);
  const identity = { id: "cmpl-1", model: "m" };
  const first = JSON.parse(chunk(identity, { text: "a" })).created;
  time.tick(2000);
  assertEquals([first, JSON.parse(chunk(identity, { text: "b" })).created], [
    1_000_000_000,
    1_000_000_002,
  ]);
});

Deno.test("InfiniLM: text that is not ASCII is raw UTF-8 in both forms", async () => {
  await withInfiniLm({}, async (sim) => {
    const utf8 = String.fromCharCode(...new TextEncoder().encode("你好"));
    for (const stream of [true, false]) {
      const { body } = await post(sim, chat("echo:你好吗", { stream }));
      assert(stream ? body.includes(utf8.slice(0, 3)) : body.includes(utf8), body);
    }
  });
});

Deno.test("InfiniLM: a whole answer is stripped of outer white space, a stream is not", async () => {
  await withInfiniLm({}, async (sim) => {
    const whole = readWhole(await post(sim, chat("hi")));
    const { texts } = readStream(await post(sim, chat("hi", { stream: true })));
    assertMatch(texts.join(""), /^ \S+ \S+$/);
    assertEquals(whole.text, texts.join("").trim());
  });
});

Deno.test("InfiniLM: ids are new for every answer, and the same for the same seed", async () => {
  async function ids(): Promise<string[]> {
    const seen: string[] = [];
    await withInfiniLm({ seed: 4 }, async (sim) => {
      for (let call = 0; call < 2; call++) {
        seen.push(JSON.parse((await post(sim, chat("x"))).body).id);
      }
    });
    return seen;
  }
  const [first, second] = await ids();
  assert(first !== second);
  assertEquals(await ids(), [first, second]);
});
