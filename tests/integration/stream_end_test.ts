import { assertEquals, assertStringIncludes } from "@std/assert";
import { chunk, jsonAnswer, STREAM_HEAD } from "../support/engine_peer.ts";
import { type PeerConnection, RawPeer } from "../support/raw_peer.ts";
import { type RawAnswer, RawClient, rawPost } from "../support/raw_client.ts";
import { backendsYaml, type LogLine, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

/** What an engine does with a call; the request has been read. */
type Script = (conn: PeerConnection) => Promise<unknown> | void;

interface Told {
  readonly answer: RawAnswer;
  readonly line: LogLine;
}

/** A router with one engine, which answers each call as its script says. */
class Scripted implements AsyncDisposable {
  readonly peer: RawPeer;
  router!: RouterProcess;
  #script: Script = () => {};
  #calls = 0;

  private constructor(once: boolean) {
    this.peer = RawPeer.start(async (conn) => {
      if (once) conn.hold();
      for (
        let request = await conn.readRequest();
        request !== undefined;
        request = await conn.readRequest()
      ) {
        if (request.method === "POST") await this.#script(conn);
        else {
          const headers = once ? ["connection: close"] : [];
          await conn.write(jsonAnswer({ object: "list", data: [{ id: "peer" }] }, { headers }));
        }
      }
    });
  }

  /** `once`: each connection serves one request, so that a script can reset it. */
  static async start({ once = false, yaml = "" } = {}): Promise<Scripted> {
    const scripted = new Scripted(once);
    const url = `http://127.0.0.1:${scripted.peer.port}`;
    scripted.router = await RouterProcess.start(backendsYaml([url]) + yaml);
    return scripted;
  }

  /** What a client gets, and what the log tells, of a call that is answered so. */
  async call(script: Script, path = "/chat/completions"): Promise<Told> {
    this.#script = script;
    using client = await RawClient.connect(this.router.port);
    const id = `call-${this.#calls++}`;
    const body = JSON.stringify({
      model: "peer",
      prompt: "x",
      messages: [{ role: "user", content: "x" }],
    });
    await client.write(rawPost(`/v1${path}`, body, [`x-request-id: ${id}`]));
    const answer = await client.answer();
    return { answer, line: await this.router.call(id) };
  }

  async atRest(): Promise<void> {
    await until(
      "nothing is in flight",
      async () => (await this.router.stats("a"))["in_flight"] === 0,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.router[Symbol.asyncDispose]();
    await this.peer[Symbol.asyncDispose]();
  }
}

const LAST: readonly (readonly [path: string, event: string])[] = [
  ["/chat/completions", "data: [DONE]\n\n"],
  ["/completions", "data: [DONE]\r\n\r\n"],
  ["/completions", "data: [DONE]\n"],
  ["/messages", 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
  ["/responses", 'event: response.completed\ndata: {"type":"response.completed"}\n\n'],
  ["/responses", 'data: {"type":"response.failed","response":{}}\n\n'],
];

/** Ends that a body must not have, in the chunked coding. */
const BAD_ENDS: Readonly<Record<string, [end: Script, ended: string]>> = {
  "the connection is closed": [(conn) => conn.close(), "broken_after_done"],
  "the connection is reset": [(conn) => conn.reset(), "broken_after_done"],
  "nonsense instead of a chunk": [(conn) => conn.write("xyz\r\n"), "broken_after_done"],
  "nothing more": [() => {}, "open_after_done"],
};

for (const [what, [end, ended]] of Object.entries(BAD_ENDS)) {
  Deno.test(`a stream that is complete by its last event ends well, then ${what}`, async () => {
    await using scripted = await Scripted.start({ once: true });
    for (const [path, last] of LAST) {
      if (ended === "open_after_done" && !/\s{2}$/.test(last)) continue; // its end would be waited for
      for (const apart of [false, true]) {
        const { answer, line } = await scripted.call(async (conn) => {
          const events = ["data: {}\n\n", last];
          await conn.write(STREAM_HEAD);
          for (const piece of apart ? events : [events.join("")]) await conn.write(chunk(piece));
          await end(conn);
        }, path);
        assertEquals([answer.complete, answer.body], [true, `data: {}\n\n${last}`], path);
        assertEquals([line["outcome"], line["status"], line["code"], line["ended"]], [
          "completed",
          200,
          undefined,
          ended,
        ], path);
      }
    }
    await scripted.atRest();
    assertEquals((await scripted.router.stats("a"))["error_count"], 0);
  });
}

Deno.test("what comes behind the last event is passed on, and an end that comes in time leaves the connection", async () => {
  await using scripted = await Scripted.start();
  const events = ['event: response.completed\ndata: {"type":"response.completed"}\n\n'];
  events.push("data: [DONE]\n\n", ": bye\n\n");
  const before = scripted.peer.connections.length;
  for (let i = 0; i < 3; i++) {
    const { answer, line } = await scripted.call(async (conn) => {
      await conn.write(STREAM_HEAD);
      for (const event of events) await conn.write(chunk(event));
      await conn.write(chunk());
    }, "/responses");
    assertEquals([answer.complete, answer.body], [true, events.join("")]);
    assertEquals([line["outcome"], line["ended"]], ["completed", undefined]);
  }
  assertEquals(scripted.peer.connections.length <= before + 1, true);
});

Deno.test("a stream that breaks before its last event is told of, whatever it says in its text", async () => {
  await using scripted = await Scripted.start();
  const text = 'data: {"choices":[{"delta":{"content":"[DONE] data: [DONE]"}}]}\n\n';
  const { answer, line } = await scripted.call(async (conn) => {
    await conn.write(STREAM_HEAD);
    await conn.write(chunk(text));
    conn.close();
  });
  assertEquals([answer.complete, line["outcome"], line["ended"]], [false, "broke", undefined]);
  assertStringIncludes(answer.body, "upstream_broken");
});

Deno.test("a well framed stream without its last event passes as complete, and is marked in the log", async () => {
  await using scripted = await Scripted.start();
  for (const pieces of [['data: {"a":1}\n\n'], ['data: {"a":1}\n\n', "data: 2\n\n"]]) {
    for (const whole of [false, true]) {
      const { answer, line } = await scripted.call(async (conn) => {
        const chunks = [...pieces.map((piece) => chunk(piece)), chunk()];
        if (whole) await conn.write(STREAM_HEAD + chunks.map(textOf).join(""));
        else {
          await conn.write(STREAM_HEAD);
          for (const piece of chunks) await conn.write(piece);
        }
      });
      assertEquals([answer.complete, answer.body], [true, pieces.join("")]);
      assertEquals([line["outcome"], line["ended"]], ["completed", "no_done"]);
    }
  }
});

const CLOSE_HEADS = ["HTTP/1.0 200 OK", "HTTP/1.1 200 OK\r\nconnection: close"];
const FINISH = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n';

/** Streams that only the close ends. Of what is told as broken, `body` is what came whole. */
const BY_CLOSE: readonly {
  path?: string;
  pieces: string[];
  body?: string;
  ended?: string;
  status?: number;
}[] = [
  { pieces: ["data: {}\n\ndata: [DONE]\n\n"] },
  { pieces: ["data: {}\n\n", "data: [DONE]\n"] },
  { pieces: ["data: {}\n\n", FINISH], ended: "no_done" },
  { pieces: ["data: {}\n\n", FINISH, 'data: {"usage":{}}\n\n'], ended: "no_done" },
  { pieces: ['data: {}\ndata: {"a":1}\ndata: [DONE]\n'] },
  { path: "/images/generations", pieces: ["data: {}\n\n"], ended: "by_close" },
  { pieces: ["data: {}\n\n"], body: "data: {}\n\n" },
  { pieces: [`${FINISH}da`], body: FINISH },
  { pieces: ["data: {}\n\n", 'data: {"ha'], body: "data: {}\n\n" },
  { path: "/messages", pieces: ["event: a\ndata: {}\n\n"], body: "event: a\ndata: {}\n\n" },
  { path: "/responses", pieces: ["data: {}\n\n", "data: {}\n\n"], body: "data: {}\n\n".repeat(2) },
  { path: "/images/generations", pieces: ["data: {}\n\nda"], body: "data: {}\n\n" },
  {
    path: "/messages",
    pieces: ["event: a\ndata: {}\n\n", 'event: message_stop\ndata: {"type'],
    body: "event: a\ndata: {}\n\n",
  },
  { path: "/messages", pieces: ["event: message_stop\n"], status: 502 },
  { pieces: ['data: {"ha'], status: 502 },
  { pieces: [], status: 502 },
];

for (const head of CLOSE_HEADS) {
  Deno.test(`a stream that only the close ends (${head.slice(0, 8)}) is whole, or told of`, async () => {
    await using scripted = await Scripted.start();
    for (const { path, pieces, body, ended, status = 200 } of BY_CLOSE) {
      const { answer, line } = await scripted.call(async (conn) => {
        await conn.write(`${head}\r\ncontent-type: text/event-stream\r\n\r\n`);
        for (const piece of pieces) await conn.write(piece);
        conn.close();
      }, path);
      const what = JSON.stringify([path, pieces]);
      assertEquals([answer.status, line["ended"]], [status, ended], what);
      const broken = body !== undefined || status !== 200;
      assertEquals(line["outcome"], broken ? "broke" : "completed", what);
      assertEquals(answer.complete, body === undefined, what);
      assertEquals(answer.body.includes("upstream_broken"), broken, what);
      assertEquals(answer.body.startsWith(body ?? (broken ? "" : pieces.join(""))), true, what);
    }
  });

  Deno.test(`JSON that only the close ends (${head.slice(0, 8)}) is whole, or an error, or cut`, async () => {
    await using scripted = await Scripted.start({ yaml: "limits: { max_event: 256KiB }\n" });
    const long = JSON.stringify({ text: "x]}".repeat(200_000) });
    const cases: readonly { text: string; status?: number; cut?: boolean; type?: string }[] = [
      { text: '{"a":[1,{"b":"}"}]}' },
      { text: '{"a":1}', type: "application/problem+json; charset=utf-8" },
      { text: long },
      { text: '{"a":1}\n{"b":2}\n' },
      { text: '{"a":[1,{"b":"}"', status: 502 },
      { text: '{"a":1', status: 502, type: "application/problem+json; charset=utf-8" },
      { text: "", status: 502 },
      { text: long.slice(0, -1), cut: true },
    ];
    for (const { text, status = 200, cut = false, type = "application/json" } of cases) {
      const { answer, line } = await scripted.call(async (conn) => {
        await conn.write(`${head}\r\ncontent-type: ${type}\r\n\r\n`);
        await conn.write(text);
        conn.close();
      });
      const what = text.slice(0, 30);
      assertEquals(
        [answer.status, answer.complete, line["ended"]],
        [status, !cut, undefined],
        what,
      );
      if (status === 200) assertEquals(answer.body, text);
      assertEquals(line["outcome"], status === 200 && !cut ? "completed" : "broke", what);
    }
  });
}

Deno.test("a refusal that only the close ends keeps its meaning, and its page if that is whole", async () => {
  await using scripted = await Scripted.start();
  for (const [text, code] of [['{"error":"busy"}', undefined], ['{"er', "upstream_unavailable"]]) {
    const { answer } = await scripted.call(async (conn) => {
      await conn.write(
        "HTTP/1.0 503 X\r\ncontent-type: application/json\r\nretry-after: 7\r\n\r\n",
      );
      await conn.write(text!);
      conn.close();
    });
    assertEquals([answer.status, answer.headers.get("retry-after")], [503, "7"]);
    assertEquals(JSON.parse(answer.body).code, code);
  }
});

Deno.test("an error that only the close ends passes as it is, and is nobody's fault", async () => {
  await using scripted = await Scripted.start();
  const pages: readonly [head: string, body: string][] = [
    ["HTTP/1.0 401 X\r\ncontent-type: application/json", ""],
    ["HTTP/1.1 400 X\r\nconnection: close\r\ncontent-type: application/json", "Invalid key"],
    ["HTTP/1.0 400 X\r\ncontent-type: text/event-stream", 'data: {"error":{}}\n\n'],
  ];
  for (const [head, body] of pages) {
    const { answer, line } = await scripted.call(async (conn) => {
      await conn.write(`${head}\r\n\r\n${body}`);
      conn.close();
    });
    assertEquals([answer.status, answer.complete, answer.body], [line["status"], true, body]);
    assertEquals([line["outcome"], answer.status < 402], ["completed", true]);
  }
  assertEquals((await scripted.router.stats("a"))["error_count"], 0);
});

const HALF: readonly (readonly [path: string, half: string])[] = [
  ["/responses", 'event: response.completed\ndata: {"type":"resp'],
  ["/responses", 'data: {"type":"response.completed","resp'],
  ["/messages", "event: message_stop\n"],
];

for (const [path, half] of HALF) {
  Deno.test(`half of a last event is none: ${JSON.stringify(half)}`, async () => {
    await using scripted = await Scripted.start();
    const { answer, line } = await scripted.call(async (conn) => {
      await conn.write(STREAM_HEAD);
      await conn.write(chunk("data: {}\n\n"));
      await conn.write(chunk(half));
      conn.close();
    }, path);
    assertEquals([answer.complete, line["outcome"], line["ended"]], [false, "broke", undefined]);
    assertEquals([answer.body.includes(half), answer.body.includes("upstream_broken")], [
      false,
      true,
    ]);
    assertEquals((await scripted.router.stats("a"))["error_count"], 1);
  });
}

Deno.test("a last event too large to be held has all the time it needs", async () => {
  await using scripted = await Scripted.start({ yaml: "limits: { max_event: 1KiB }\n" });
  const pieces = Array.from({ length: 9 }, () => "x".repeat(1000));
  const { answer, line } = await scripted.call(async (conn) => {
    await conn.write(STREAM_HEAD);
    await conn.write(chunk('event: response.completed\ndata: {"x":"'));
    for (const piece of pieces) {
      await conn.write(chunk(piece));
      await new Promise((resolve) => setTimeout(resolve, 100)); // longer in all than the grace
    }
    await conn.write(chunk('"}\n\n'));
    await conn.write(chunk());
  }, "/responses");
  assertEquals([answer.complete, line["outcome"], line["ended"]], [true, "completed", undefined]);
  assertEquals(answer.body.length, 38 + 9000 + 4);
});

Deno.test("other bodies that only the close ends pass, marked in the log", async () => {
  await using scripted = await Scripted.start();
  const { answer, line } = await scripted.call(async (conn) => {
    await conn.write("HTTP/1.0 200 OK\r\ncontent-type: audio/wav\r\n\r\n");
    await conn.write("RIFF");
    conn.close();
  }, "/audio/speech");
  assertEquals([answer.complete, answer.body, line["ended"]], [true, "RIFF", "by_close"]);
});

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
