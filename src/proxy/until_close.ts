import { concat } from "../concat.ts";
import type { ResponseBody } from "../upstream/body.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";

/**
 * Bodies that end with their connection (RFC 9112, section 6.3): nothing in their framing tells one that
 * is whole from one whose server died. Only what is in them can.
 */

/** Longer JSON goes out as it comes, and is cut if its end does not come. */
const MAX_HELD_BYTES = 256 * 1024;

/** The connection ended, and what it carried is not whole. */
export function cutShort(): UpstreamError {
  const error = new UpstreamError("closed", "the connection ended before the answer did", {
    phase: "body",
  });
  error.delivered = true;
  error.answered = true;
  return error;
}

/**
 * Reads JSON that only the close ends, all of it if it is not long. Throws `UpstreamError` if it ends and
 * is no JSON.
 */
export async function wholeJson(
  body: Pick<ResponseBody, "read">,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces.push(piece);
    size += piece.length;
    if (size > MAX_HELD_BYTES) return concat(pieces);
  }
  const all = concat(pieces);
  if (!isJson(all)) throw cutShort();
  return all;
}

/** Whether these bytes are one JSON text. */
export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}
