import { assertEquals, assertRejects } from "@std/assert";
import { StreamEnd } from "../../../src/engine/stream_end.ts";
import { firstEvents } from "../../../src/proxy/first_events.ts";
import { EventChunks } from "../../../src/sse/event_chunks.ts";
import { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { bytesOf, textOf } from "../sse/support.ts";

/** A dialect to which only events with `go` mean something. */
const PICKY = { begins: (events: Uint8Array): boolean => textOf(events).includes("go") };

/** What is held of a body of these pieces, and how many were read for it. */
async function held(
  pieces: readonly string[],
  { maxHeld = 1000, reading = PICKY, open = false, untilClose = false } = {},
): Promise<[text: string | undefined, read: number]> {
  let read = 0;
  const body = {
    get done(): boolean {
      return !open && read >= pieces.length;
    },
    read: (): Promise<Uint8Array | undefined> => {
      const piece = pieces[read++];
      return Promise.resolve(piece === undefined ? undefined : bytesOf(piece));
    },
  };
  const chunks = new EventChunks(1000);
  const end = untilClose ? new StreamEnd({ lastEvents: [] }, { untilClose }) : undefined;
  const first = await firstEvents(body, { chunks, reading, end, maxHeld });
  return [first && textOf(first), read];
}

Deno.test("a stream is held until an event means something to the dialect, and nothing of it is lost", async () => {
  const pieces = [": a\n\n", "data: x\n\nda", "ta: go\n\nda", "ta: y\n\n"];
  assertEquals(await held(pieces, { open: true }), [": a\n\ndata: x\n\ndata: go\n\n", 3]);
});

Deno.test("a stream that ends before anything means something is all there is", async () => {
  assertEquals(await held([": a\n\n", "data: x"]), [": a\n\ndata: x", 3]);
  assertEquals(await held(["data: go\n\ndata: half"]), ["data: go\n\ndata: half", 1]);
  assertEquals(await held([]), [undefined, 1]);
});

Deno.test("a stream of which nothing means anything is not held without end", async () => {
  const pieces = Array.from({ length: 100 }, () => ": ping\n\n");
  assertEquals(await held(pieces, { maxHeld: 20, open: true }), [": ping\n\n".repeat(3), 3]);
});

Deno.test("a stream that only the close ends must be whole, if it ends before anything means something", async () => {
  const whole = ["data: [DONE]\n\n", 'data: {"finish_reason":"x"}\n\n', "data: [DONE]\n"];
  for (const text of whole) assertEquals(await held([text], { untilClose: true }), [text, 2]);
  for (const pieces of [[], ["data: x\n\n"], ["data: x"], [`${whole[1]}data: x`]]) {
    const error = await assertRejects(() => held(pieces, { untilClose: true }), UpstreamError);
    assertEquals([error.kind, error.phase, error.delivered], ["closed", "body", true]);
  }
});
