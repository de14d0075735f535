/** `deno bench tests/bench`: what server-sent events cost without sockets. Times are per 16 KiB. */
import { EventStream } from "../../src/proxy/event_stream.ts";
import { EventChunks } from "../../src/sse/event_chunks.ts";
import { EventSplitter } from "../../src/sse/split.ts";
import { encodeEvent, EVENT_BYTES } from "./wire.ts";

const TOTAL_BYTES = 16 * 1024;
const EVENTS = Math.floor(TOTAL_BYTES / EVENT_BYTES);
const MAX_EVENT = 4 * 1024 * 1024;

const event = encodeEvent(1, Date.now());
const block = new Uint8Array(EVENTS * EVENT_BYTES);
for (let i = 0; i < EVENTS; i++) block.set(event, i * EVENT_BYTES);
const crlf = new TextEncoder().encode(new TextDecoder().decode(block).replaceAll("\n", "\r\n"));

const SHAPES: readonly (readonly [name: string, pieces: readonly Uint8Array[]])[] = [
  ["one piece, all events whole", [block]],
  ["one event per piece", Array.from({ length: EVENTS }, () => event)],
  ["pieces of 100 bytes", cut(block, 100)],
  ["one piece, lines end in CRLF", [crlf]],
];

for (const [name, pieces] of SHAPES) {
  Deno.bench({ name, group: "EventSplitter" }, () => {
    const splitter = new EventSplitter();
    for (const piece of pieces) splitter.push(piece);
  });
  Deno.bench({ name, group: "EventStream, both ends" }, async () => {
    const chunks = new EventChunks(MAX_EVENT);
    const stream = new EventStream({ chunks, stage: (events) => events });
    await Promise.all([write(stream.writable, pieces), drain(stream.readable)]);
  });
}

async function write(to: WritableStream<Uint8Array>, pieces: readonly Uint8Array[]): Promise<void> {
  const writer = to.getWriter();
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
}

async function drain(from: ReadableStream<Uint8Array>): Promise<void> {
  const reader = from.getReader();
  while (!(await reader.read()).done);
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}
