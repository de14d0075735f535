import { concat } from "../concat.ts";
import { HttpError } from "./http_error.ts";
import { type HttpHead, MAX_BODY } from "./http_head.ts";
import type { HttpInput } from "./http_input.ts";

/**
 * Reads a request's body; undefined = the client left before its end. With `leaveLastByte` that
 * byte stays in the socket, and of a chunked body, whose end nobody knows, all but the first byte.
 */
export async function readBody(
  input: HttpInput,
  options: { head: HttpHead; leaveLastByte: boolean },
): Promise<Uint8Array | undefined> {
  const { bodyLength } = options.head;
  if (bodyLength !== "chunked") {
    return await input.exactly(Math.max(0, bodyLength - (options.leaveLastByte ? 1 : 0)));
  }
  if (options.leaveLastByte) {
    return (await input.exactly(1))?.subarray(1);
  }
  return await readChunked(input);
}

async function readChunked(input: HttpInput): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const sizeLine = await input.line();
    if (sizeLine === undefined) return undefined;
    const [digits] = /^[0-9a-fA-F]{1,8}(?=;|$)/.exec(sizeLine) ?? [];
    if (digits === undefined) throw new HttpError(400, "A chunk's size is malformed");
    const size = parseInt(digits, 16);
    if (size === 0) break;
    total += size;
    if (total > MAX_BODY) throw new HttpError(413, "The body is too large");
    const chunk = await input.exactly(size);
    const end = await input.line();
    if (chunk === undefined || end === undefined) return undefined;
    if (end !== "") throw new HttpError(400, "A chunk is longer than its size");
    chunks.push(chunk);
  }
  // Trailers are dropped.
  for (let line = await input.line(); line !== ""; line = await input.line()) {
    if (line === undefined) return undefined;
  }
  return concat(chunks);
}
