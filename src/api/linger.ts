import { STATUS_CODE } from "@std/http/status";
import { bodyReader } from "../proxy/body_reader.ts";
import type { Peer } from "../proxy/peer.ts";
import type { RequestHead } from "../proxy/request_head.ts";

/** How long the rest of a refused body is taken, milliseconds. */
const LINGER_MS = 5000;

/** How long the end of the answer may then take to reach the client, milliseconds. */
const LAST_CHUNK_MS = 500;

const READ_BYTES = 16 * 1024;

export interface LingerOptions {
  head: RequestHead;
  peer: Peer;
  /** How much of the rest is taken at the most. */
  maxBytes: number;
}

/**
 * An answer of the router's own, on its way to a client that may still be sending. The answer is given
 * at once; then what comes of the request's body is read and dropped, within bounds, and the
 * connection closes. Closing it at once would reset it (RFC 9112, section 9.6), and clients that write
 * before they read would lose the answer.
 */
export function lingering(
  request: Request,
  response: Response,
  { head, peer, maxBytes }: LingerOptions,
): Response | Promise<Response> {
  // A client that waits for `100 Continue` is not sending, and must not be told to.
  const sending = hasBody(head) && head.expect === undefined;
  const rest = sending ? bodyReader(request) : undefined;
  // Its end cannot be waited for: the answer has no body to wait with, or the client still asks whether to send.
  const unread = rest !== undefined || (hasBody(head) && !sending);
  if (unread || response.status === STATUS_CODE.RequestTimeout) {
    response.headers.set("connection", "close");
  }
  if (rest !== undefined && response.body !== null) {
    return answerFirst(rest, response, { peer, maxBytes });
  }
  peer.answered();
  if (sending && response.status === STATUS_CODE.RequestTimeout) {
    // It is still being read, by a native call that only the end of the connection ends.
    setTimeout(() => peer.cut(), LAST_CHUNK_MS);
  }
  return response;
}

function hasBody({ contentLength, transferEncoding }: RequestHead): boolean {
  return transferEncoding !== undefined || (contentLength !== undefined && contentLength !== "0");
}

async function answerFirst(
  rest: ReadableStreamBYOBReader,
  response: Response,
  { peer, maxBytes }: { peer: Peer; maxBytes: number },
): Promise<Response> {
  const answer = await response.bytes();
  const { status, headers } = response;
  // Deno gives a request's body up when its answer is complete. So the answer's last chunk waits.
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async start(controller): Promise<void> {
      controller.enqueue(answer);
      await drain(rest, maxBytes);
      peer.answered();
      try {
        controller.close();
      } catch {
        // the client has left
      }
      // The server would wait for a body that nobody reads.
      setTimeout(() => peer.cut(), LAST_CHUNK_MS);
    },
    cancel(): void {
      rest.cancel().catch(() => {});
    },
  });
  return new Response(body, { status, headers });
}

/** Reads to the end, to `maxBytes`, or for a while. Never throws. */
async function drain(reader: ReadableStreamBYOBReader, maxBytes: number): Promise<void> {
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), LINGER_MS);
  let bytes = new Uint8Array(READ_BYTES);
  try {
    for (let left = maxBytes; left > 0;) {
      const { value, done } = await reader.read(bytes);
      if (done) return;
      left -= value.length;
      bytes = new Uint8Array(value.buffer);
    }
  } catch {
    // it broke off
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}
