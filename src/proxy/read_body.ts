import { concat } from "../sse/concat.ts";
import { RouterError } from "../errors.ts";
import type { Cutoff } from "./cutoff.ts";

export interface ReadBodyOptions {
  /** Bytes. */
  maxBody: number;
  /** Ends the reading: a body that does not come must not hold its place for ever. */
  cutoff: Cutoff;
}

/**
 * Reads a request's body. A length declared above `maxBody` is refused with the body untouched.
 * Throws `RouterError`: `body_too_large`, `request_timeout` if it does not come in time, or
 * `client_closed` if it breaks off.
 */
export async function readBody(
  request: Request,
  { maxBody, cutoff }: ReadBodyOptions,
): Promise<Uint8Array> {
  const header = request.headers.get("content-length");
  // Deno 2.9 hands over repeated equal lengths as "5, 5": then what comes is counted.
  const declared = header !== null && /^\d+$/.test(header) ? header : null;
  if (declared !== null && Number(declared) > maxBody) throw tooLarge(maxBody, `${declared} bytes`);
  // A declared length is a bound by itself, and `body` makes a stream of what needs none.
  const reading = declared === null ? readUndeclared(request, maxBody) : request.bytes();
  const cut = Promise.withResolvers<never>();
  const onCut = (): void => cut.reject(cutError(cutoff));
  cutoff.signal.addEventListener("abort", onCut);
  try {
    return await Promise.race([reading, cut.promise]);
  } catch (error) {
    if (error instanceof RouterError) throw error;
    // Deno tells a client that left and one that breaks its own framing by the same words.
    throw new RouterError("client_closed", "the request body broke off, or its framing is broken", {
      cause: error,
    });
  } finally {
    cutoff.signal.removeEventListener("abort", onCut);
    reading.catch(() => {}); // what is given up may still fail
  }
}

function cutError({ cause }: Cutoff): RouterError {
  return cause === "client_left"
    ? new RouterError("client_closed", "the client left while its request was read")
    : new RouterError(
      "request_timeout",
      "the request body did not come in time (timeouts.request)",
    );
}

async function readUndeclared(request: Request, maxBody: number): Promise<Uint8Array> {
  return request.body === null ? new Uint8Array() : await readBounded(request.body, maxBody);
}

async function readBounded(body: ReadableStream<Uint8Array>, maxBody: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) { // leaving the loop cancels the stream
    size += piece.length;
    if (size > maxBody) throw tooLarge(maxBody, "more");
    pieces.push(piece);
  }
  return concat(pieces);
}

function tooLarge(maxBody: number, received: string): RouterError {
  return new RouterError(
    "body_too_large",
    `the body may have at most ${maxBody} bytes (limits.max_body), received ${received}`,
  );
}
