import { RouterError } from "../errors.ts";

/**
 * Reads a request's body of at most `maxBody` bytes. A length declared above that is refused with
 * the body untouched. Throws `RouterError`: `body_too_large`, or if the body breaks off
 * `client_closed`, or `bad_request` if the client is still there to hear it.
 */
export async function readBody(request: Request, maxBody: number): Promise<Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > maxBody) throw tooLarge(maxBody, `${declared} bytes`);
  if (request.body === null) return new Uint8Array();
  try {
    if (declared !== null) return await request.bytes(); // bounded by what was declared
    return await readBounded(request.body, maxBody);
  } catch (error) {
    if (error instanceof RouterError) throw error;
    const code = request.signal.aborted ? "client_closed" : "bad_request";
    throw new RouterError(code, "the request body is not framed as it should be, or broke off", {
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
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function tooLarge(maxBody: number, received: string): RouterError {
  return new RouterError(
    "body_too_large",
    `the body may have at most ${maxBody} bytes (limits.max_body), received ${received}`,
  );
}
