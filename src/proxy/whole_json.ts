import { concat } from "../concat.ts";
import type { ResponseBody } from "../upstream/body.ts";
import { cutShort } from "./cut_short.ts";

/**
 * Reads JSON to its end, or until more than `maxHeld` bytes have come. Throws `UpstreamError` if only the close
 * of its connection ends it, and it is no JSON.
 */
export async function wholeJson(
  body: Pick<ResponseBody, "read">,
  { maxHeld, untilClose }: { maxHeld: number; untilClose: boolean },
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces.push(piece);
    size += piece.length;
    if (size > maxHeld) return concat(pieces);
  }
  const all = pieces.length === 1 ? pieces[0]! : concat(pieces);
  if (untilClose && !isJson(all)) throw cutShort();
  return all;
}

/** Whether these bytes are one JSON text, or one on each line. */
export function isJson(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes);
  return parses(text) || (text.trim() !== "" && text.trim().split("\n").every(parses));
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
