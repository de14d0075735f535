import { concat } from "../concat.ts";
import { type Answer, saysJson } from "./answer.ts";
import { isJson } from "./whole_json.ts";

/** An answer held back while others are tried is at most this large and slow; such pages are short. */
const MAX_HELD_BYTES = 256 * 1024;
const MAX_HOLD_MS = 1000;

/**
 * Reads a refusal to its end, so that its connection is free while another backend is tried.
 * Undefined if it is too large, too slow or not whole.
 */
export async function holdWhole(answer: Answer): Promise<Answer | undefined> {
  const { first, body, headers } = answer;
  if (body.done) return answer;
  const pieces: Uint8Array[] = [];
  let size = 0;
  const timer = setTimeout(() => body.cancel(), MAX_HOLD_MS);
  try {
    for (let piece = first; piece !== undefined; piece = await body.read()) {
      size += piece.length;
      if (size > MAX_HELD_BYTES) {
        body.cancel();
        return undefined;
      }
      pieces.push(piece);
    }
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
  const all = concat(pieces);
  if (body.untilClose && saysJson(headers) && !isJson(all)) return undefined;
  return { ...answer, first: all };
}
