import { concat } from "../concat.ts";
import { RouterError } from "../errors.ts";
import type { RequestHead } from "../proxy/request_head.ts";

export interface SmallBodyOptions {
  head: RequestHead;
  maxBytes: number;
  timeoutMs: number;
}

/**
 * The bytes of a short request body. Throws `RouterError`: `body_too_large` or `request_timeout`, with the
 * rest left unread, or `client_closed` if it broke off.
 */
export async function readSmallBody(
  request: Request,
  { head: { contentLength }, maxBytes, timeoutMs }: SmallBodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return new Uint8Array();
  if (contentLength !== undefined && Number(contentLength) > maxBytes) {
    throw tooLarge(maxBytes, `${contentLength.slice(0, 20)} bytes`);
  }
  const reader = request.body.getReader();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader.cancel().catch(() => {});
  }, timeoutMs);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (late) throw new RouterError("request_timeout", "the body did not come in time");
      if (done) return concat(pieces);
      bytes += value.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes, "more");
      pieces.push(value);
    }
  } catch (cause) {
    if (cause instanceof RouterError) throw cause;
    throw new RouterError("client_closed", "the body broke off, or its framing is broken", {
      cause,
    });
  } finally {
    clearTimeout(timer);
    reader.releaseLock(); // somebody may want to drop the rest
  }
}

function tooLarge(maxBytes: number, received: string): RouterError {
  const message = `the body may have at most ${maxBytes} bytes, received ${received}`;
  return new RouterError("body_too_large", message);
}
