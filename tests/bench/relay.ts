/**
 * The smallest relay that this runtime allows, a process of its own: what the router costs above it
 * is the router's own code. `Deno.serve` in front, a bare HTTP/1.1 client behind it, in between
 * nothing: no routing, no check, no log, no timer, and no header goes through. It understands the
 * bench's backend and no other. Takes the backend's port, prints its own as the first line.
 */
import { writeAll } from "./wire.ts";

const READ_BYTES = 16 * 1024;
const LF = 10;
const CR = 13;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A connection to the backend and the one buffer that everything it brings is read into. */
interface Upstream {
  readonly socket: Deno.TcpConn;
  readonly buffer: Uint8Array<ArrayBuffer>;
}

/** Starts a relay to a port of 127.0.0.1 on a free one. */
export function startRelay(backendPort: number): { port: number; close(): Promise<void> } {
  const idle: Upstream[] = [];

  async function relay(request: Request): Promise<Response> {
    const body = await request.bytes();
    const upstream = idle.pop() ?? await connect(backendPort);
    try {
      await writeAll(upstream.socket, encodeRequest(request, body));
      return await readAnswer(upstream, () => idle.push(upstream));
    } catch (error) {
      upstream.socket.close();
      throw error;
    }
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, relay);
  return {
    port: server.addr.port,
    async close(): Promise<void> {
      await server.shutdown();
      for (const { socket } of idle) socket.close();
    },
  };
}

async function connect(port: number): Promise<Upstream> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  socket.setNoDelay();
  return { socket, buffer: new Uint8Array(READ_BYTES) };
}

/** Head and body in one piece, for one write. */
function encodeRequest({ method, url }: Request, body: Uint8Array): Uint8Array {
  const head = `${method} ${url.slice(url.indexOf("/", 7))} HTTP/1.1\r\nhost: 127.0.0.1\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const bytes = new Uint8Array(head.length + body.length);
  encoder.encodeInto(head, bytes);
  bytes.set(body, head.length);
  return bytes;
}

/** Calls `free` when the connection can take the next request. */
async function readAnswer(upstream: Upstream, free: () => void): Promise<Response> {
  const { buffer } = upstream;
  let end = 0;
  for (;;) {
    end += await read(upstream, end);
    const text = decoder.decode(buffer.subarray(0, end));
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd === -1) continue;
    const head = text.slice(0, headEnd);
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (length === null) {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
      relayChunks(upstream, { start: headEnd + 4, end, writer: writable.getWriter(), free });
      return new Response(readable, { status });
    }
    const body = new Uint8Array(Number(length[1]));
    body.set(buffer.subarray(headEnd + 4, end));
    for (let at = end - headEnd - 4; at < body.length;) {
      const count = await read(upstream, 0);
      body.set(buffer.subarray(0, count), at);
      at += count;
    }
    free();
    return new Response(body, { status });
  }
}

/** Writes the data of each read into `writer`, decoded in the buffer and copied out in one piece. */
async function relayChunks(
  upstream: Upstream,
  { start, end, writer, free }: {
    start: number;
    end: number;
    writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
    free: () => void;
  },
): Promise<void> {
  const decoder = new ChunkDecoder();
  try {
    for (let from = start, to = end;; from = 0, to = await read(upstream, 0)) {
      const length = decoder.decode(upstream.buffer, from, to);
      if (length > 0) await writer.write(upstream.buffer.slice(0, length));
      if (decoder.done) break;
    }
    free();
    await writer.close();
  } catch (error) {
    upstream.socket.close();
    await writer.abort(error).catch(() => {}); // the client has left, or sees an answer without an end
  }
}

/** Takes the chunked framing off, split at any byte. */
class ChunkDecoder {
  /** Data bytes of the current chunk that are still to come. */
  #left = 0;
  /** What the size line says so far; -1 between lines. */
  #size = -1;
  #last = false;
  done = false;

  /** Moves the data between `at` and `end` to the front of `bytes`; its length. */
  decode(bytes: Uint8Array, at: number, end: number): number {
    let out = 0;
    while (at < end) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, end - at);
        bytes.copyWithin(out, at, at + count);
        out += count;
        at += count;
        this.#left -= count;
      } else this.#frame(bytes[at++]!);
    }
    return out;
  }

  /** A byte of a size line, or of the empty line behind a chunk's data. */
  #frame(byte: number): void {
    if (byte === CR) return;
    if (byte !== LF) {
      const digit = byte <= 57 ? byte - 48 : (byte | 32) - 87;
      this.#size = Math.max(this.#size, 0) * 16 + digit;
    } else if (this.#size === -1) {
      this.done = this.#last; // the empty line of the last chunk
    } else {
      this.#left = this.#size;
      this.#last = this.#size === 0;
      this.#size = -1;
    }
  }
}

/** Reads behind `end`; how many bytes came. */
async function read({ socket, buffer }: Upstream, end: number): Promise<number> {
  const count = await socket.read(buffer.subarray(end));
  if (!count) throw new Error("the backend's connection ended inside an answer");
  return count;
}

if (import.meta.main) console.log(startRelay(Number(Deno.args[0])).port);
