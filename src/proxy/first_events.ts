import { concat } from "../concat.ts";
import type { Reading } from "../engine/dialect.ts";
import type { StreamEnd } from "../engine/stream_end.ts";
import type { EventChunks } from "../sse/event_chunks.ts";
import type { ResponseBody } from "../upstream/body.ts";
import { cutShort } from "./cut_short.ts";

export interface FirstEventsOptions {
  chunks: EventChunks;
  /** Looks at them first, if it is not OpenAI's API as it is. */
  reading: Pick<Reading, "begin"> | undefined;
  /** Knows whether a stream that only the close ends is whole; undefined if that is not asked of it. */
  end: StreamEnd | undefined;
}

/**
 * Reads until something of a stream has come whole, or there is no more. Throws `UpstreamError`, and what the
 * reading throws.
 */
export async function firstEvents(
  body: Pick<ResponseBody, "read" | "done">,
  { chunks, reading, end }: FirstEventsOptions,
): Promise<Uint8Array | undefined> {
  let events: Uint8Array | undefined;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    events = chunks.push(piece);
    if (events !== undefined || body.done) break;
  }
  if (events !== undefined) reading?.begin(events);
  if (!body.done) return events;
  const rest = chunks.rest(); // what is not ended by then never will be
  const first = rest === undefined || events === undefined
    ? events ?? rest
    : concat([events, rest]);
  if (end !== undefined) {
    if (first !== undefined) end.seeRest(first);
    if (end.isCutShort(rest)) throw cutShort();
  }
  return first;
}
