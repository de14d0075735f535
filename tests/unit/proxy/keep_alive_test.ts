import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { EventChunks } from "../../../src/sse/event_chunks.ts";
import { EventStream } from "../../../src/proxy/event_stream.ts";
import { KeepAlive, withoutMark } from "../../../src/proxy/keep_alive.ts";

const COMMENT = ": keep-alive\n\n";
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A stream of events whose client reads all, with comments after 100 ms of silence. */
class Bench implements Disposable {
  readonly #time = new FakeTime(0);
  readonly #keepAlive: KeepAlive;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  said = 0;
  out = "";

  constructor({ maxEvent = 1000, reads = true } = {}) {
    const stream = new EventStream({
      chunks: new EventChunks(maxEvent),
      stage: (events) => {
        this.#keepAlive.see(events);
        return events;
      },
    });
    this.#writer = stream.writable.getWriter();
    this.#reader = stream.readable.getReader();
    this.#keepAlive = new KeepAlive(stream, {
      everyMs: 100,
      now: () => Date.now(),
      onSaid: (bytes) => this.said += bytes,
    });
    if (reads) void this.#read();
  }

  async #read(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      this.out += decoder.decode(value);
    }
  }

  async pass(ms: number): Promise<void> {
    await this.#time.tickAsync(ms);
  }

  write(text: string): void {
    void this.#writer.write(encoder.encode(text));
  }

  stop(): void {
    this.#keepAlive.stop();
  }

  [Symbol.dispose](): void {
    this.stop();
    this.#time.restore();
  }
}

Deno.test("a stream that is silent gets a comment each time it has been for so long", async () => {
  using bench = new Bench();
  bench.write("data: 1\n\n");
  await bench.pass(99);
  assertEquals(bench.out, "data: 1\n\n");
  await bench.pass(1);
  assertEquals(bench.out, `data: 1\n\n${COMMENT}`);
  await bench.pass(200);
  assertEquals(bench.out, `data: 1\n\n${COMMENT.repeat(3)}`);
  assertEquals(bench.said, 3 * COMMENT.length);
});

Deno.test("a stream that talks gets no comment", async () => {
  using bench = new Bench();
  for (let i = 0; i < 20; i++) {
    bench.write("data: 1\n\n");
    await bench.pass(99);
  }
  assertEquals(bench.out, "data: 1\n\n".repeat(20));
});

Deno.test("an event of which half has come is not split by a comment, nor is one that passes in pieces", async () => {
  using bench = new Bench({ maxEvent: 10 });
  bench.write("data: 1\n");
  await bench.pass(150);
  assertEquals(bench.out, COMMENT, "nothing of the event has gone out");
  bench.write("data: 22222");
  await bench.pass(500);
  assertEquals(bench.out, `${COMMENT}data: 1\ndata: 22222`);
  bench.write("\n\n");
  await bench.pass(100);
  assertEquals(bench.out, `${COMMENT}data: 1\ndata: 22222\n\n${COMMENT}`);
});

for (
  const id of ["\ufeffid: 1\n", "id: 1\n", "id\n", "event: x\r\nid: 1\r\n", "data: 1\rid: 1\r"]
) {
  Deno.test(`promise 50: no comment comes behind an event with an id: ${JSON.stringify(id)}`, async () => {
    using bench = new Bench();
    await bench.pass(100);
    assertEquals(bench.out, COMMENT);
    bench.write(`${id}data: 1\n\n`);
    bench.write("data: 2\n\n");
    await bench.pass(1000);
    assertEquals(bench.out, `${COMMENT}${id}data: 1\n\ndata: 2\n\n`);
  });
}

Deno.test("an event that only looks as if it had an id is followed by comments", async () => {
  using bench = new Bench();
  const event = 'data: {"id":"id: 1"}\nidx: 1\ndata: id: 2\n\n';
  bench.write(event);
  await bench.pass(100);
  assertEquals(bench.out, event + COMMENT);
});

Deno.test("a client that does not take what it has gets one comment, not one upon the other", async () => {
  using bench = new Bench({ reads: false });
  await bench.pass(1000);
  assertEquals(bench.said, COMMENT.length);
});

Deno.test("a stream that has been stopped gets no comment", async () => {
  using bench = new Bench();
  bench.stop();
  await bench.pass(1000);
  assertEquals(bench.out, "");
});

Deno.test("events behind a comment lose their byte order mark, and nothing else", () => {
  assertEquals(decoder.decode(withoutMark(encoder.encode("\ufeffdata: 1\n\n"))), "data: 1\n\n");
  assertEquals(decoder.decode(withoutMark(encoder.encode("data: 1\n\n"))), "data: 1\n\n");
});
