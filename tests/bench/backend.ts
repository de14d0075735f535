/**
 * The bench's backend, a process of its own: raw TCP and no more HTTP than the subjects need, so
 * that it is never what is measured. Prints its port as the first line.
 */
import { concat } from "../../src/concat.ts";
import {
  ANSWER,
  clock,
  DONE,
  encodeChunk,
  encodeEvent,
  MODEL,
  type StreamOrder,
  writeAll,
} from "./wire.ts";

const CLOSING_BRACE = 125;

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

const WHOLE = page(ANSWER);
const MODELS = page(JSON.stringify({
  object: "list",
  data: [{ id: MODEL, object: "model", created: 1700000000, owned_by: "bench" }],
}));
const HEALTHY = page('{"status":"healthy"}');
const STREAM_HEAD = encoder.encode(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
);
const STREAM_END = concat([encodeChunk(DONE), encoder.encode("0\r\n\r\n")]);

/** Read as text: every head, and the whole of a request for a stream. The rest of it is counted. */
const TEXT_BYTES = 2048;
const MAX_REQUEST_BYTES = 128 * 1024;

/** How many events of a flood go out in one write. */
const FLOOD_EVENTS = 32;

/** Starts the backend on a free port of 127.0.0.1. */
export function startBackend(): { port: number; close(): void } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  acceptAll(listener);
  return { port: listener.addr.port, close: () => listener.close() };
}

async function acceptAll(listener: Deno.TcpListener): Promise<void> {
  for await (const socket of listener) {
    socket.setNoDelay();
    // A client may leave whenever it likes.
    serve(socket).catch(() => {}).finally(() => socket.close());
  }
}

/** Answers one request after another; there is no pipelining here. */
async function serve(socket: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(MAX_REQUEST_BYTES);
  let end = 0;
  while (end < buffer.length) {
    const count = await socket.read(buffer.subarray(end));
    if (count === null) return;
    end += count;
    const text = latin1.decode(buffer.subarray(0, Math.min(end, TEXT_BYTES)));
    const bodyAt = text.indexOf("\r\n\r\n") + 4;
    if (bodyAt === 3) continue;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
    if (bodyAt + length > buffer.length) {
      await drop(socket, { left: bodyAt + length - end, buffer });
      end = 0;
      await answer(socket, { head: text, body: "" });
      continue;
    }
    if (end < bodyAt + length) continue;
    if (length > 0 && buffer[end - 1] !== CLOSING_BRACE) return; // not what the load sent
    const body = end > TEXT_BYTES ? "" : text.slice(bodyAt);
    end = 0;
    await answer(socket, { head: text, body });
  }
}

/** Reads the rest of a large body. */
async function drop(
  socket: Deno.TcpConn,
  { left, buffer }: { left: number; buffer: Uint8Array },
): Promise<void> {
  while (left > 0) {
    const count = await socket.read(buffer.subarray(0, Math.min(left, buffer.length)));
    if (count === null) return;
    left -= count;
  }
}

async function answer(
  socket: Deno.TcpConn,
  { head, body }: { head: string; body: string },
): Promise<void> {
  if (!head.startsWith("POST ")) {
    await writeAll(socket, head.startsWith("GET /v1/models ") ? MODELS : HEALTHY);
  } else if (body.includes('"stream":true')) {
    const { order } = JSON.parse(body) as { order: StreamOrder };
    await writeAll(socket, STREAM_HEAD);
    if (order.rate === 0) await flood(socket, order.events);
    else await pace(socket, order);
    await writeAll(socket, STREAM_END);
  } else await writeAll(socket, WHOLE);
}

/** Each event at its time: what one was late is not added to the next. */
async function pace(socket: Deno.TcpConn, { events, rate }: StreamOrder): Promise<void> {
  const startedAt = performance.now();
  for (let number = 0; number < events; number++) {
    const wait = startedAt + number * 1000 / rate - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    await writeAll(socket, encodeChunk(encodeEvent(number, clock())));
  }
}

async function flood(socket: Deno.TcpConn, events: number): Promise<void> {
  const chunk = encodeChunk(encodeEvent(0, clock()));
  const block = concat(Array.from({ length: FLOOD_EVENTS }, () => chunk));
  for (let left = events; left > 0; left -= FLOOD_EVENTS) {
    const size = Math.min(left, FLOOD_EVENTS) * chunk.length;
    await writeAll(socket, block.subarray(0, size));
  }
}

function page(json: string): Uint8Array {
  return encoder.encode(
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" +
      `content-length: ${json.length}\r\n\r\n${json}`,
  );
}

if (import.meta.main) console.log(startBackend().port);
