/** The bench's own parts, against each other without a router between. Run: deno test -A tests/bench */
import { concat } from "../../src/concat.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { startBackend } from "./backend.ts";
import { loadCalls } from "./load_calls.ts";
import { loadFlood, loadStreams } from "./load_streams.ts";
import { cpuMicros, residentMiB } from "./proc.ts";
import { startRelay } from "./relay.ts";
import { median, quantile } from "./statistics.ts";
import {
  ANSWER,
  DONE,
  encodeCall,
  encodeChunk,
  encodeEvent,
  EVENT_BYTES,
  readEvent,
  writeAll,
} from "./wire.ts";

const encoder = new TextEncoder();

Deno.test("an event tells its number and its time, and has the size that all have", () => {
  const event = encodeEvent(1234, 1763829227123.456);
  assertEquals(event.length, EVENT_BYTES);
  assertEquals(readEvent(event, 0, 1234), 1763829227123.456);
});

for (const twoWrites of [false, true]) {
  Deno.test(`calls are answered and counted, ${twoWrites ? "two writes" : "one write"} each`, async () => {
    const { port, close } = startBackend();
    const { calls, p50, p99 } = await loadCalls({ port, connections: 3, seconds: 0.2, twoWrites });
    close();
    assertEquals(calls > 50, true);
    assertEquals(p50 > 0 && p50 <= p99, true);
  });
}

Deno.test("paced streams bring every event, at the rate asked for", async () => {
  const { port, close } = startBackend();
  const { events, p50, firstP50 } = await loadStreams({
    port,
    streams: 4,
    rate: 100,
    seconds: 0.5,
  });
  close();
  assertEquals(Math.abs(events - 200) <= 8, true, `${events} events`);
  assertEquals(p50 > -1 && p50 < 50 && firstP50 > 0, true);
});

Deno.test("a flood brings every event", async () => {
  const { port, close } = startBackend();
  const { events, perSecond } = await loadFlood({ port, streams: 3, events: 1001 });
  close();
  assertEquals(events, 3003);
  assertEquals(perSecond > 0, true);
});

Deno.test("an answer that is not the backend's fails the load", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("{}"),
  );
  const { port } = server.addr;
  await assertRejects(() => loadCalls({ port, connections: 1, seconds: 1, twoWrites: false }));
  await assertRejects(() => loadFlood({ port, streams: 1, events: 1 }));
  await server.shutdown();
});

Deno.test("a stream that loses an event fails the load", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(
        new ReadableStream({
          start(controller): void {
            controller.enqueue(encodeEvent(1, Date.now()));
            controller.close();
          },
        }),
        { headers: { "content-type": "text/event-stream" } },
      ),
  );
  const { port } = server.addr;
  await assertRejects(() => loadStreams({ port, streams: 1, rate: 10, seconds: 0.1 }));
  await server.shutdown();
});

for (const prompt of [8 * 1024, 64 * 1024]) {
  Deno.test(`a prompt of ${prompt / 1024} KB is a conversation, and the backend takes it whole`, async () => {
    const { body } = encodeCall({ prompt });
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    const { messages } = JSON.parse(text) as { messages: { content: string }[] };
    assertEquals(body.length >= prompt && body.length < prompt + 1024, true, `${body.length}`);
    assertEquals(messages.length > prompt / 1024, true);
    assertEquals(/[一-龥]/.test(text) && text.includes("\\n") && text.includes('\\"'), true);
    const { port, close } = startBackend();
    for (const twoWrites of [false, true]) {
      const order = { port, connections: 2, seconds: 0.1, twoWrites, prompt };
      assertEquals((await loadCalls(order)).calls > 5, true);
    }
    close();
  });
}

Deno.test("the backend answers only a request that has come whole", async () => {
  const { port, close } = startBackend();
  const { head, body } = encodeCall({ prompt: 64 * 1024 });
  const broken = body.with(body.length - 1, 32);
  using socket = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(socket, concat([head, broken]));
  assertEquals(await socket.read(new Uint8Array(1)), null);
  close();
});

Deno.test("a whole stream with a length is as good as chunks", async () => {
  const events = Array.from({ length: 20 }, (_, number) => encodeEvent(number, Date.now()));
  const whole = concat([...events, DONE]);
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(whole),
  );
  const { port } = server.addr;
  assertEquals((await loadFlood({ port, streams: 3, events: 20 })).events, 60);
  await assertRejects(() => loadFlood({ port, streams: 1, events: 21 }));
  await server.shutdown();
});

Deno.test("an answer in chunks is as good as one with a length", async () => {
  const half = ANSWER.length / 2;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(
        ReadableStream.from([ANSWER.slice(0, half), ANSWER.slice(half)])
          .pipeThrough(new TextEncoderStream()),
      ),
  );
  const { port } = server.addr;
  const { calls } = await loadCalls({ port, connections: 2, seconds: 0.1, twoWrites: false });
  assertEquals(calls > 5, true);
  await server.shutdown();
});

Deno.test("the relay relays the bench's calls, streams and floods", async () => {
  const backend = startBackend();
  const relay = startRelay(backend.port);
  const { port } = relay;
  for (const prompt of [undefined, 64 * 1024]) {
    const order = { port, connections: 3, seconds: 0.2, twoWrites: true };
    const { calls } = await loadCalls(prompt === undefined ? order : { ...order, prompt });
    assertEquals(calls > 10, true);
  }
  const { events } = await loadStreams({ port, streams: 4, rate: 100, seconds: 0.3 });
  assertEquals(Math.abs(events - 120) <= 8, true, `${events} events`);
  assertEquals((await loadFlood({ port, streams: 3, events: 1001 })).events, 3003);
  await relay.close();
  backend.close();
});

Deno.test("the relay takes a prompt to the backend and back byte by byte, with a length", async () => {
  const backend = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => new Response(await request.bytes(), { status: 201 }),
  );
  const relay = startRelay(backend.addr.port);
  const { body } = encodeCall({ prompt: 64 * 1024 });
  for (const sent of [body, body.subarray(0, 100), body]) {
    const response = await fetch(`http://127.0.0.1:${relay.port}/v1/chat/completions`, {
      method: "POST",
      body: sent.slice(),
    });
    assertEquals(response.status, 201);
    assertEquals(response.headers.get("content-length"), String(sent.length));
    assertEquals(await response.bytes(), sent.slice());
  }
  await relay.close();
  await backend.shutdown();
});

for (const size of [1, 7, 1000]) {
  Deno.test(`the relay takes chunks apart that come in pieces of ${size} bytes`, async () => {
    const data = Array.from({ length: 300 }, (_, number) => encodeEvent(number, Date.now()));
    const answer = concat([
      encoder.encode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
      ...data.map(encodeChunk),
      encoder.encode("0\r\n\r\n"),
    ]);
    const cut = Math.min(size * 300, answer.length);
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const relay = startRelay(listener.addr.port);
    const asked = fetch(`http://127.0.0.1:${relay.port}/`, { method: "POST", body: "{}" });
    using socket = await listener.accept();
    socket.setNoDelay();
    for (let at = 0; at < cut; at += size) {
      await writeAll(socket, answer.subarray(at, Math.min(at + size, cut)));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await writeAll(socket, answer.subarray(cut));
    assertEquals(await (await asked).bytes(), concat(data));
    await relay.close();
  });
}

Deno.test("an answer that the backend breaks off is broken off by the relay", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relay = startRelay(listener.addr.port);
  const asked = fetch(`http://127.0.0.1:${relay.port}/`, { method: "POST", body: "{}" });
  const socket = await listener.accept();
  await writeAll(
    socket,
    encoder.encode("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello"),
  );
  const response = await asked;
  socket.close();
  await assertRejects(() => response.bytes());
  await relay.close();
});

Deno.test("Linux tells what a process used", () => {
  const before = cpuMicros(Deno.pid);
  for (const until = performance.now() + 30; performance.now() < until;);
  const used = cpuMicros(Deno.pid) - before;
  assertEquals(used > 5_000 && used < 1_000_000, true, `${used} µs`);
  assertEquals(residentMiB(Deno.pid) > 5, true);
});

Deno.test("quantiles and medians", () => {
  assertEquals(quantile([3, 1, 2, 4], 0.5), 3);
  assertEquals(quantile([], 0.5), NaN);
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
});
