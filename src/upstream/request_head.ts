import type { Header } from "./response_head.ts";

export interface UpstreamRequest {
  method: string;
  /** Path and query as they go on the wire. */
  target: string;
  /** Without `host`, `content-length`, `transfer-encoding` and `connection`: those are ours. */
  headers: readonly Header[];
  body?: Uint8Array;
}

const encoder = new TextEncoder();

/** Bodies up to this go out in the same write as the head: one packet, one system call. */
const ONE_WRITE_BYTES = 128 * 1024;

const TARGET = /^[\x21-\x7e]+$/;

/**
 * A request as the buffers to write one after another: the head with a small body, or two.
 * Throws `TypeError` for what cannot be one line of a head: the last guard against a request that
 * hides a second one.
 */
export function encodeRequest(request: UpstreamRequest, host: string): Uint8Array[] {
  const { method, target, body } = request;
  if (!TARGET.test(target)) throw new TypeError("a request target must be visible ASCII");
  let head = `${method} ${target} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of request.headers) head += `${name}: ${value}\r\n`;
  if (body !== undefined) head += `content-length: ${body.length}\r\n`;
  head += "\r\n";
  if (body === undefined || body.length > ONE_WRITE_BYTES) {
    const bytes = new Uint8Array(head.length);
    encodeLatin1(head, bytes);
    return body === undefined ? [bytes] : [bytes, body];
  }
  const bytes = new Uint8Array(head.length + body.length);
  encodeLatin1(head, bytes);
  bytes.set(body, head.length);
  return [bytes];
}

/** Header values are bytes (RFC 9110, section 5.5): each character here is one of them. */
function encodeLatin1(text: string, into: Uint8Array): void {
  const { read, written } = encoder.encodeInto(text, into);
  if (read === text.length && written === text.length) return; // plain ASCII, as nearly always
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) throw new TypeError("a header must be Latin-1");
    into[i] = code;
  }
}
