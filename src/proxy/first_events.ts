import { concat } from "../concat.ts";
import type { Dialect } from "../engine/dialect.ts";
import type { EventChunks } from "../sse/event_chunks.ts";
import type { ResponseBody } from "../upstream/body.ts";

export interface FirstEventsOptions {
  chunks: EventChunks;
  dialect: Pick<Dialect, "begins">;
  /** Bytes; what comes beyond goes to the client, whatever it means. */
  maxHeld: number;
}

/**
 * Reads until the events that have come whole mean something, or until there are no more, or more than is
 * to be held.
 */
export async function firstEvents(
  body: Pick<ResponseBody, "read" | "done">,
  { chunks, dialect, maxHeld }: FirstEventsOptions,
): Promise<Uint8Array | undefined> {
  const held: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const piece = await body.read();
    const more = piece === undefined ? chunks.rest() : chunks.push(piece);
    if (more !== undefined) {
      held.push(more);
      size += more.length;
    }
    if (piece === undefined || (more !== undefined && dialect.begins(more)) || size > maxHeld) {
      break;
    }
  }
  const rest = body.done ? chunks.rest() : undefined; // what is not ended by then never will be
  if (rest !== undefined) held.push(rest);
  return held.length < 2 ? held[0] : concat(held);
}
