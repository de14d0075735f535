import { concat } from "../concat.ts";
import type { Reading } from "../engine/dialect.ts";
import type { StreamEnd } from "../engine/stream_end.ts";
import type { EventChunks } from "../sse/event_chunks.ts";
import type { ResponseBody } from "../upstream/body.ts";
import { cutShort } from "./cut_short.ts";

export interface FirstEventsOptions {
  chunks: EventChunks;
  /** Undefined: whatever is whole begins. */
  reading: Pick<Reading, "begins"> | undefined;
  /** Knows whether a stream that only the close ends is whole; undefined if that is not asked of it. */
  end: StreamEnd | undefined;
  /** Bytes; what comes beyond goes to the client, whatever it means. */
  maxHeld: number;
}

/**
 * Reads until the events that have come whole mean something, or until there are no more, or more than is
 * to be held. Throws `UpstreamError`, and what the reading throws.
 */
export async function firstEvents(
  body: Pick<ResponseBody, "read" | "done">,
  { chunks, reading, end, maxHeld }: FirstEventsOptions,
): Promise<Uint8Array | undefined> {
  const held: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const piece = await body.read();
    const more = piece && chunks.push(piece);
    if (more !== undefined) {
      held.push(more);
      size += more.length;
    }
    if (
      piece === undefined || (more !== undefined && (reading?.begins(more) ?? true)) ||
      size > maxHeld
    ) {
      break;
    }
  }
  const rest = body.done ? chunks.rest() : undefined; // what is not ended by then never will be
  if (rest !== undefined) held.push(rest);
  const first = held.length < 2 ? held[0] : concat(held);
  if (body.done && end !== undefined) {
    if (first !== undefined) end.seeRest(first);
    if (end.isCutShort(rest)) throw cutShort();
  }
  return first;
}
