import { concat } from "../sse/concat.ts";
import { RouterError } from "../errors.ts";

/**
 * Reads a request's body of at most `maxBody` bytes. A length declared above that is refused with
 * the body untouched. Throws `RouterError`: `body_too_large`, or `client_closed` if the body
 * breaks off.
 */
export async function readBody(request: Request, maxBody: number): Promise<Uint8Array> {
  const header = request.headers.get("content-length");
  // Deno 2.9 hands over repeated equal lengths as "5, 5": then what comes is counted.
  const declared = header !== null && /^\d+$/.test(header) ? header : null;
  if (declared !== null && Number(declared) > maxBody) throw tooLarge(maxBody, `${declared} bytes`);
  if (request.body === null) return new Uint8Array();
  try {
    if (declared !== null) return await request.bytes(); // bounded by what was declared
    return await readBounded(request.body, maxBody);
  } catch (error) {
    if (error instanceof RouterError) throw error;
    // Deno tells a client that left and one that breaks its own framing by the same words.
    throw new RouterError("client_closed", "the request body broke off, or its framing is broken", {
      cause: error,
    });
  }
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
