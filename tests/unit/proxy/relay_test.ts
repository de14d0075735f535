import { assert, assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";
import { relay } from "../../../src/proxy/relay.ts";
import { EventChunks } from "../../../src/sse/event_chunks.ts";
import { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { begin } from "./exchange_support.ts";
import { latin1, latin1Bytes, type PeerConnection } from "../../support/raw_peer.ts";
import { always, answer, STREAM, TestHouse } from "./support.ts";

const SSE_HEAD =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
const USAGE = 'data: {"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n';

function chunk(text: string): string {
  return `${new TextEncoder().encode(text).length.toString(16)}\r\n${text}\r\n`;
}

interface Fed {
  /** Sends bytes to the router, as the backend. */
  conn: PeerConnection;
  response: Response;
  reader: ReadableStreamDefaultReader<Uint8Array>;
  next: () => Promise<string | undefined>;
}

/** A house whose one backend's answer the test feeds by hand, after this beginning. */
async function feed(house: TestHouse, begin: string, init: RequestInit = {}): Promise<Fed> {
  const asked = house.post(STREAM, init);
  const conn = await house.peers[0]!.connection(0);
  await house.peers[0]!.received(1);
  await conn.write(begin);
  const response = await asked;
  const reader = response.body!.getReader();
  const next = async (): Promise<string | undefined> => {
    const { value } = await reader.read();
    return value && new TextDecoder().decode(value);
  };
  return { conn, response, reader, next };
}

const byHand = async (conn: PeerConnection): Promise<void> => void await conn.readRequest();

Deno.test("a stream is passed on event by event, counted to its end, and its usage noted", async () => {
  await using house = new TestHouse([byHand]);
  const { conn, response, next } = await feed(house, SSE_HEAD + chunk("data: a\n\ndata: b"));
  assertEquals(await next(), "data: a\n\n");
  assertEquals(house.inFlight, [1]);
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("x-accel-buffering"), "no");
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assertEquals(response.headers.get("transfer-encoding"), null);
  await conn.write(chunk("b\n\n"));
  assertEquals(await next(), "data: bb\n\n");
  await conn.write(`${chunk(USAGE)}${chunk("data: [DONE]\n\n")}0\r\n\r\n`);
  let rest = "";
  for (let piece = await next(); piece !== undefined; piece = await next()) rest += piece;
  assertEquals(rest, `${USAGE}data: [DONE]\n\n`);
  assertEquals([house.inFlight, house.outcomes[0]], [[0], [{ kind: "completed", status: 200 }]]);
  const [line] = house.log;
  assertEquals([
    line?.["status"],
    line?.["bytes"],
    line?.["prompt_tokens"],
    line?.["completion_tokens"],
  ], [
    200,
    19 + USAGE.length + 14,
    7,
    3,
  ]);
});

Deno.test("promise 3: a stream that breaks ends with one error event, no [DONE], and a cut", async () => {
  await using house = new TestHouse([byHand]);
  const { conn, next, reader } = await feed(house, SSE_HEAD + chunk('data: a\n\ndata: {"half'));
  assertEquals(await next(), "data: a\n\n");
  conn.close();
  const event = await next();
  assert(event!.startsWith('data: {"error":{') && event!.endsWith("}}\n\n"), event);
  assertEquals(JSON.parse(event!.slice(6)).error.code, "upstream_broken");
  await assertRejects(() => reader.read());
  assertEquals([house.inFlight, house.outcomes[0]], [[0], [{ kind: "broke", phase: "body" }]]);
  assertEquals([house.log.length, house.log[0]?.["code"], house.log[0]?.["status"]], [
    1,
    "upstream_broken",
    200,
  ]);
});

Deno.test("a stream that breaks inside an event too large to hold ends that event before the error", async () => {
  await using house = new TestHouse([byHand], { maxEvent: 10 });
  const { conn, next, reader } = await feed(house, SSE_HEAD + chunk("data: 1234567890"));
  assertEquals(await next(), "data: 1234567890");
  conn.close();
  assert((await next())!.startsWith('\n\ndata: {"error":{'));
  await assertRejects(() => reader.read());
});

Deno.test("promise 14: a stream that is silent for too long ends with an error event that says so", async () => {
  await using house = new TestHouse([byHand], { timeouts: { idleMs: 1000 } });
  using time = new FakeTime();
  const { conn, next, reader } = await feed(house, SSE_HEAD + chunk("data: a\n\ndata: ha"));
  assertEquals(await next(), "data: a\n\n");
  await time.tickAsync(999);
  assertEquals(conn.ended, false);
  await time.tickAsync(1);
  const event = await next();
  assertEquals(JSON.parse(event!.slice(6)).error.code, "upstream_idle_timeout");
  await conn.closedByPeer;
  await time.tickAsync(50); // its client has that long to read why
  await assertRejects(() => reader.read());
  assertEquals([house.inFlight, house.outcomes[0]], [[0], [{ kind: "timed_out", phase: "body" }]]);
});

Deno.test("an answer that is no stream and breaks is cut, with nothing added", async () => {
  await using house = new TestHouse([byHand]);
  const begin =
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"a":';
  const { conn, next, reader, response } = await feed(house, begin);
  assertEquals(response.headers.get("content-length"), "20");
  assertEquals(await next(), '{"a":');
  conn.close();
  await assertRejects(() => reader.read());
  assertEquals([house.inFlight, house.outcomes[0]], [[0], [{ kind: "broke", phase: "body" }]]);
});

for (const leaving of ["cancel", "abort"] as const) {
  Deno.test(`promise 6: a client that leaves a stream by ${leaving} closes the backend's socket and blames nobody`, async () => {
    await using house = new TestHouse([byHand]);
    const client = new AbortController();
    const { conn, next, reader } = await feed(house, SSE_HEAD + chunk("data: a\n\n"), {
      signal: client.signal,
    });
    assertEquals(await next(), "data: a\n\n");
    if (leaving === "cancel") await reader.cancel();
    else client.abort();
    await conn.closedByPeer;
    await reader.closed.catch(() => {});
    assertEquals(house.inFlight, [0]);
    assertEquals(house.outcomes[0], [{ kind: "client_left", phase: "body" }]);
    assertEquals([house.log.length, house.log[0]?.["status"]], [1, 499]);
  });
}

Deno.test("promise 9: an answer of JSON to a call for a stream passes as JSON", async () => {
  await using house = new TestHouse([always(answer(200, '{"a":1,"usage":{"prompt_tokens":4}}'))]);
  const response = await house.post(STREAM);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(response.headers.get("x-accel-buffering"), null);
  assertEquals(await response.text(), '{"a":1,"usage":{"prompt_tokens":4}}');
  assertEquals(house.log[0]?.["prompt_tokens"], 4);
});

Deno.test("a stream in an encoding passes untouched, as no stream that we could read", async () => {
  await using house = new TestHouse([byHand]);
  const begin = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n" +
    `transfer-encoding: chunked\r\n\r\n${chunk("abc")}`;
  const { conn, next } = await feed(house, begin);
  assertEquals(await next(), "abc");
  await conn.write("0\r\n\r\n");
  assertEquals(await next(), undefined);
});

Deno.test({
  name: "a client that reads nothing holds the backend back, and is given up without blame",
  async fn(): Promise<void> {
    await using house = new TestHouse([byHand], { timeouts: { idleMs: 1000 } });
    using time = new FakeTime();
    const { conn, reader } = await feed(house, SSE_HEAD + chunk("data: a\n\n"));
    const event = latin1Bytes(chunk(`data: ${"x".repeat(60_000)}\n\n`));
    let sent = 0;
    const flood = (async () => {
      while (sent < 1000 && await conn.write(event)) sent++;
    })();
    await time.tickAsync(1000);
    await conn.closedByPeer;
    await flood;
    assert(sent < 1000, "the backend was held back");
    await reader.closed.catch(() => {});
    assertEquals([house.inFlight, house.outcomes[0]], [[0], [{
      kind: "client_left",
      phase: "relay",
    }]]);
  },
});

Deno.test("a comment before the first event goes to the client when it comes", async () => {
  await using house = new TestHouse([byHand]);
  const { conn, next } = await feed(house, SSE_HEAD + chunk(": ping\n\nda"));
  assertEquals(await next(), ": ping\n\n");
  await conn.write(`${chunk("ta: a\n\n")}0\r\n\r\n`);
  assertEquals(await next(), "data: a\n\n");
});

for (const begin of ["data: ", 'data: {"half'] as const) {
  Deno.test(`a stream that breaks after ${JSON.stringify(begin)} has not begun: the call goes elsewhere`, async () => {
    await using house = new TestHouse([async (conn) => {
      await conn.readRequest();
      await conn.write(SSE_HEAD + chunk(begin));
      conn.close();
    }, always(answer(200, '{"ok":1}'))]);
    const response = await house.post(STREAM);
    assertEquals([response.status, await response.text()], [200, '{"ok":1}']);
    assertEquals([house.inFlight, house.log[0]?.["resent"]], [[0, 0], 1]);
  });
}

Deno.test("a stream that ends with nothing but comments, or half an event, passes as it is", async () => {
  for (const body of [": ping\n\n", "data: half", ": ping\n\ndata: half", ""]) {
    await using house = new TestHouse([async (conn) => {
      await conn.readRequest();
      await conn.write(SSE_HEAD + (body === "" ? "" : chunk(body)) + "0\r\n\r\n");
    }]);
    const response = await house.post(STREAM);
    assertEquals([response.status, await response.text()], [200, body]);
  }
});

Deno.test("a stream that flows until timeouts.total is told why it ends, and it is not the client's fault", async () => {
  await using house = new TestHouse([byHand], { timeouts: { totalMs: 300 } });
  const { conn, reader } = await feed(house, SSE_HEAD + chunk("data: a\n\n"));
  let text = "";
  const reading = (async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text = (text + new TextDecoder().decode(value)).slice(-2000);
    }
  })();
  reading.catch(() => {}); // it may end before it is waited for
  const event = latin1Bytes(chunk(`data: ${"x".repeat(1000)}\n\n`));
  while (await conn.write(event));
  await assertRejects(() => reading);
  assertEquals(
    JSON.parse(text.slice(text.lastIndexOf("data: ") + 6)).error.code,
    "upstream_total_timeout",
  );
  assertEquals(house.outcomes[0], [{ kind: "timed_out", phase: "body" }]);
});

Deno.test("a body whose call was cut before it began to go out ends, though its client reads nothing", async () => {
  for (const cause of ["client_stalled", "idle"] as const) {
    using time = new FakeTime();
    using call = begin();
    const { exchange, lease, told } = call;
    exchange.lease = lease;
    exchange.cutoff.cut(cause);
    const chunks = new EventChunks(1000);
    const first = latin1Bytes("data: a\n\n");
    const body = {
      done: false,
      untilClose: false,
      failed: false,
      read: () => Promise.reject(new UpstreamError("aborted", "cut", { phase: "body" })),
      cancel: () => {},
    };
    relay({
      status: 200,
      headers: [],
      first,
      events: true,
      encoded: false,
      chunks,
      reading: undefined,
      ignored: undefined,
      requestSent: true,
      body,
    }, { exchange, backend: "a", endpoint: ENDPOINTS[0]! });
    await time.tickAsync(20_000);
    assertEquals([told.length, call.backend.inFlight], [1, 0], cause);
  }
});

Deno.test("the unterminated end of a stream is counted and read along as all of it", async () => {
  await using house = new TestHouse([byHand]);
  const { conn, next } = await feed(house, SSE_HEAD + chunk("data: a\n\n"));
  assertEquals(await next(), "data: a\n\n");
  const end = USAGE.trimEnd();
  await conn.write(`${chunk(end)}0\r\n\r\n`);
  assertEquals(await next(), end);
  assertEquals(await next(), undefined);
  const [line] = house.log;
  assertEquals([line?.["bytes"], line?.["prompt_tokens"]], [9 + end.length, 7]);
});

Deno.test("a comment of one line goes to the client when it comes, and an error event behind it stands alone", async () => {
  await using house = new TestHouse([byHand]);
  const { conn, next, reader } = await feed(house, SSE_HEAD + chunk(": ping\n"));
  assertEquals(await next(), ": ping\n");
  await conn.write(chunk("data: a\n\n: pi"));
  assertEquals(await next(), "data: a\n\n");
  await conn.write(chunk("ng\n"));
  assertEquals(await next(), ": ping\n");
  conn.close();
  assert((await next())!.startsWith('data: {"error":{'));
  await assertRejects(() => reader.read());
});

Deno.test("a stream of Anthropic's API that breaks ends with the event that its clients look for", async () => {
  await using house = new TestHouse([byHand]);
  const asked = house.fetch("/v1/messages", { method: "POST", body: STREAM });
  const conn = await house.peers[0]!.connection(0);
  await house.peers[0]!.received(1);
  await conn.write(SSE_HEAD + chunk("event: ping\ndata: {}\n\nevent: content"));
  const reader = (await asked).body!.getReader();
  const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
  assertEquals(await next(), "event: ping\ndata: {}\n\n");
  conn.close();
  const event = await next();
  assert(
    event.startsWith('event: error\ndata: {"type":"error","error":{"type":"api_error"'),
    event,
  );
  await assertRejects(() => reader.read());
});

Deno.test("a defect in what is made of an engine's events is no client that left", async () => {
  using call = begin();
  const { exchange, lease, told, errors } = call;
  exchange.lease = lease;
  const body = {
    done: false,
    untilClose: false,
    failed: false,
    read: () => new Promise<undefined>(() => {}),
    cancel: () => {},
  };
  const reading = {
    begin: () => {},
    events(): Uint8Array {
      throw new TypeError("a defect");
    },
    failure: undefined,
    whole: (_status: number, whole: Uint8Array) => whole,
  };
  const stream = relay({
    status: 200,
    headers: [],
    first: latin1Bytes("data: a\n\n"),
    events: true,
    encoded: false,
    chunks: new EventChunks(1000),
    reading,
    ignored: undefined,
    requestSent: true,
    body,
  }, { exchange, backend: "a", endpoint: ENDPOINTS[0]! }) as ReadableStream<Uint8Array>;
  await assertRejects(() => stream.getReader().read(), TypeError, "a defect");
  assertEquals([told.length, told[0]?.code, told[0]?.outcome?.kind], [
    1,
    "internal",
    "router_failed",
  ]);
  assertEquals([errors, call.backend.inFlight], [["internal error"], 0]);
});

Deno.test("a silent stream whose client has left gets no comment more, though its connection is not closed yet", async () => {
  using time = new FakeTime();
  using call = begin();
  const { exchange, lease } = call;
  exchange.lease = lease;
  const body = {
    done: false,
    untilClose: false,
    failed: false,
    read: () => new Promise<undefined>(() => {}),
    cancel: () => {},
  };
  const stream = relay({
    status: 200,
    headers: [],
    first: latin1Bytes("data: a\n\n"),
    events: true,
    encoded: false,
    chunks: new EventChunks(1000),
    reading: undefined,
    ignored: undefined,
    requestSent: true,
    body,
  }, {
    exchange,
    backend: "a",
    endpoint: ENDPOINTS[0]!,
    keepAliveMs: 100,
  }) as ReadableStream<Uint8Array>;
  const reader = stream.getReader();
  await reader.read();
  await time.tickAsync(100);
  assertEquals(latin1((await reader.read()).value!), ": keep-alive\n\n");
  await reader.cancel();
  await time.tickAsync(1000); // a comment now would throw
  assertEquals(exchange.cutoff.cause, "client_left");
});
