/** The bench's own parts, against each other without a router between. Run: deno test -A tests/bench */
import { assertEquals, assertRejects } from "@std/assert";
import { startBackend } from "./backend.ts";
import { loadCalls } from "./load_calls.ts";
import { loadFlood, loadStreams } from "./load_streams.ts";
import { cpuMicros, residentMiB } from "./proc.ts";
import { median, quantile } from "./statistics.ts";
import { encodeEvent, EVENT_BYTES, readEvent } from "./wire.ts";

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
