import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { EventStream } from "../../../src/proxy/event_stream.ts";
import { EventChunks } from "../../../src/sse/event_chunks.ts";
import { boundaries, bytesOf, cutAt, cuts, eventStreams, join, textOf } from "../sse/support.ts";

/** A stream of which nothing has come yet. */
function streamOf(maxEvent: number, tap: (piece: Uint8Array) => void = () => {}): EventStream {
  return new EventStream({
    chunks: new EventChunks(maxEvent),
    stage: (piece) => (tap(piece), piece),
  });
}

interface Passed {
  /** What left after each piece that was written, and after the end. */
  steps: Uint8Array[][];
  all: Uint8Array[];
  tapped: Uint8Array[];
}

/** Writes the pieces and then ends, and sees what leaves when. */
async function pass(pieces: readonly Uint8Array[], { maxEvent = 1 << 20 } = {}): Promise<Passed> {
  const tapped: Uint8Array[] = [];
  const stream = streamOf(maxEvent, (piece) => tapped.push(piece));
  const writer = stream.writable.getWriter();
  const all: Uint8Array[] = [];
  const reading = (async () => {
    for await (const piece of stream.readable) all.push(piece);
  })();
  const steps: Uint8Array[][] = [];
  for (const piece of pieces) {
    const before = all.length;
    await writer.write(piece);
    await writer.ready;
    steps.push(all.slice(before));
  }
  const before = all.length;
  const rest = stream.rest();
  if (rest !== undefined) await writer.write(rest);
  await writer.close();
  await reading;
  steps.push(all.slice(before));
  return { steps, all, tapped };
}

Deno.test("promise 1: EventStream passes every byte, in pieces that end where an event ends, under any split", async () => {
  await fc.assert(
    fc.asyncProperty(eventStreams, cuts, async (bytes, shares) => {
      const pieces = cutAt(bytes, shares);
      const { all, tapped } = await pass(pieces);
      assertEquals(join(all), bytes);
      assertEquals(join(tapped), bytes);
      const ends = new Set([...boundaries(bytes), bytes.length]);
      let at = 0;
      for (const piece of all) {
        assert(piece.length > 0, "no piece is empty");
        at += piece.length;
        assert(ends.has(at), `a piece ends at ${at} in ${JSON.stringify(textOf(bytes))}`);
      }
    }),
    { seed: 3, numRuns: 1000 },
  );
});

Deno.test("EventStream holds no event back that is complete", async () => {
  const { steps } = await pass(
    ["data: a\n", "\n", "da", "ta: b\n\ndata: c\n\nid", ": 1\n\n"].map(bytesOf),
  );
  assertEquals(steps.map((step) => step.map(textOf)), [
    [],
    ["data: a\n\n"],
    [],
    ["data: b\n\ndata: c\n\n"],
    ["id: 1\n\n"],
    [],
  ]);
});

Deno.test("EventStream passes events that came together as one piece, without copying it", async () => {
  const piece = bytesOf("data: a\n\ndata: b\n\n");
  const { all } = await pass([piece]);
  assert(all.length === 1 && all[0] === piece);
});

Deno.test("EventStream passes an unterminated rest at an orderly end", async () => {
  const { steps, tapped } = await pass([bytesOf("data: a\n\ndata: [DONE]\n")]);
  assertEquals(steps.map((step) => step.map(textOf)), [["data: a\n\n"], ["data: [DONE]\n"]]);
  assertEquals(textOf(join(tapped)), "data: a\n\ndata: [DONE]\n");
});

Deno.test("EventStream passes an event over its limit as it comes, and holds the next one again", async () => {
  const { steps, tapped } = await pass(
    ["data: a\n\ndata: 12", "345678", "9", "0\n", "\ndata: b", "\n\n"].map(bytesOf),
    { maxEvent: 10 },
  );
  assertEquals(steps.map((step) => step.map(textOf)), [
    ["data: a\n\n"],
    ["data: 12345678"],
    ["9"],
    ["0\n"],
    ["\n"],
    ["data: b\n\n"],
    [],
  ]);
  assertEquals(tapped.map(textOf).join(""), "data: a\n\ndata: 1234567890\n\ndata: b\n\n");
});

Deno.test("EventStream holds at most its limit, whatever comes", async () => {
  await fc.assert(
    fc.asyncProperty(
      eventStreams,
      cuts,
      fc.integer({ min: 1, max: 40 }),
      async (bytes, shares, maxEvent) => {
        const pieces = cutAt(bytes, shares);
        const { steps, all } = await pass(pieces, { maxEvent });
        assertEquals(join(all), bytes);
        let held = 0;
        for (const [index, piece] of pieces.entries()) {
          held += piece.length - join(steps[index]!).length;
          assert(held <= maxEvent, `${held} bytes are held`);
        }
      },
    ),
    { seed: 4, numRuns: 300 },
  );
});

Deno.test("EventStream passes a single event of 5 MB unchanged", async () => {
  const event = bytesOf(`data: ${"ä".repeat(2_500_000)}\n\n`);
  const pieces = cutAt(event, Array.from({ length: 300 }, (_, index) => index / 300));
  for (const maxEvent of [1 << 20, 1 << 24]) {
    const { all } = await pass(pieces, { maxEvent });
    assertEquals(all.length === 1, maxEvent > event.length);
    let at = 0;
    for (const piece of all) {
      assert(piece.every((byte, index) => byte === event[at + index]), "the bytes are the same");
      at += piece.length;
    }
    assertEquals(at, event.length);
  }
});

Deno.test("EventStream takes an event of many single bytes in little time", async () => {
  const stream = streamOf(1 << 20);
  const writer = stream.writable.getWriter();
  const reading = Array.fromAsync(stream.readable);
  const byte = bytesOf("x");
  for (let index = 0; index < 50_000; index++) await writer.write(byte);
  await writer.write(stream.rest()!);
  await writer.close();
  assertEquals((await reading).map((piece) => piece.length), [50_000]);
});

Deno.test("EventStream that is aborted drops the beginning of an event", async () => {
  const stream = streamOf(100);
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const first = reader.read();
  await writer.write(bytesOf("data: a\n\ndata: b"));
  assertEquals(textOf((await first).value!), "data: a\n\n");
  await writer.abort(new Error("broke"));
  await assertRejects(() => reader.read(), Error, "broke");
});

Deno.test("EventStream forgets the beginning of an event, and what is written next follows the last whole one", async () => {
  const stream = streamOf(100);
  const writer = stream.writable.getWriter();
  const reading = Array.fromAsync(stream.readable);
  await writer.write(bytesOf('data: a\n\ndata: {"b'));
  assertEquals(stream.discardPartial(), false);
  await writer.write(bytesOf("data: error\n\n"));
  await writer.close();
  assertEquals((await reading).map(textOf), ["data: a\n\n", "data: error\n\n"]);
});

Deno.test("EventStream tells whether the beginning of a forgotten event has already left", async () => {
  const stream = streamOf(8);
  const writer = stream.writable.getWriter();
  const reading = Array.fromAsync(stream.readable);
  assertEquals(stream.discardPartial(), false);
  await writer.write(bytesOf("data: 1234567890"));
  assertEquals(stream.discardPartial(), true);
  await writer.write(bytesOf("\n\ndata: a\n\n"));
  assertEquals(stream.discardPartial(), false);
  await writer.close();
  assertEquals((await reading).map(textOf), ["data: 1234567890", "\n\ndata: a\n\n"]);
});

Deno.test("EventStream takes no more than its reader does", async () => {
  const stream = streamOf(100);
  const writer = stream.writable.getWriter();
  const event = bytesOf("data: a\n\n");
  let taken = 0;
  const writing = (async () => {
    for (let index = 0; index < 20; index++) {
      await writer.write(event);
      taken++;
    }
    await writer.close();
  })();
  const reader = stream.readable.getReader();
  await reader.read();
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  assert(taken <= 3, `${taken} events were taken while one was read`);
  while (!(await reader.read()).done);
  await writing;
});

Deno.test("EventStream has its stage edit what leaves, and sends nothing that is empty", async () => {
  const stream = new EventStream({
    chunks: new EventChunks(100),
    stage: (events) => bytesOf(textOf(events).replace("data: drop\n\n", "").replace("a", "b")),
  });
  const writer = stream.writable.getWriter();
  const reading = Array.fromAsync(stream.readable);
  await writer.write(bytesOf("data: drop\n\n"));
  await writer.write(bytesOf("data: x\n\n"));
  await writer.close();
  assertEquals((await reading).map(textOf), ["dbta: x\n\n"]);
});

Deno.test("EventStream does not cut again what was cut before it was there", async () => {
  const chunks = new EventChunks(100);
  const begun = chunks.push(bytesOf("data: a\n\nda"))!;
  const stream = new EventStream({ chunks, stage: (events) => events });
  stream.cut(begun);
  const writer = stream.writable.getWriter();
  const reading = Array.fromAsync(stream.readable);
  await writer.write(begun);
  await writer.write(bytesOf("ta: b\n\n"));
  await writer.close();
  assertEquals((await reading).map(textOf), ["data: a\n\n", "data: b\n\n"]);
});
