import { assertEquals, assertRejects } from "@std/assert";
import { StreamEnd } from "../../../src/engine/stream_end.ts";
import { RouterError } from "../../../src/errors.ts";
import { firstEvents } from "../../../src/proxy/first_events.ts";
import { EventChunks } from "../../../src/sse/event_chunks.ts";
import { UpstreamError } from "../../../src/upstream/upstream_error.ts";
import { bytesOf, textOf } from "../sse/support.ts";

/** A reading to which events with `no` say that there will be no answer. */
const PICKY = {
  begin(events: Uint8Array): void {
    if (textOf(events).includes("no")) throw new RouterError("engine_failed", "no");
  },
};

/** What comes first of a body of these pieces, and how many were read for it. */
async function first(
  pieces: readonly string[],
  { open = false, untilClose = false } = {},
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
  const events = await firstEvents(body, { chunks, reading: PICKY, end });
  return [events && textOf(events), read];
}

Deno.test("a stream begins with what has come whole first, a comment too, and nothing of it is lost", async () => {
  assertEquals(await first(["da", "ta: a\n\nda", "ta: b\n\n"], { open: true }), ["data: a\n\n", 2]);
  assertEquals(await first([": ping\n", "data: a\n\n"], { open: true }), [": ping\n", 1]);
});

Deno.test("a stream that ends before anything is whole is all there is", async () => {
  assertEquals(await first(["data: x"]), ["data: x", 1]);
  assertEquals(await first(["data: a\n\ndata: half"]), ["data: a\n\ndata: half", 1]);
  assertEquals(await first([]), [undefined, 1]);
});

Deno.test("a stream whose first events say that there will be no answer is none", async () => {
  await assertRejects(() => first(["data: no\n\n"], { open: true }), RouterError);
});

Deno.test("a stream that only the close ends must be whole, if it ends before anything has gone out", async () => {
  const whole = ["data: [DONE]\n\n", 'data: {"finish_reason":"x"}\n\n', "data: [DONE]\n"];
  for (const text of whole) assertEquals((await first([text], { untilClose: true }))[0], text);
  for (const pieces of [[], ["data: x\n\n"], ["data: x"], [`${whole[1]}data: x`]]) {
    const error = await assertRejects(() => first(pieces, { untilClose: true }), UpstreamError);
    assertEquals([error.kind, error.phase, error.delivered], ["closed", "body", true]);
  }
});
