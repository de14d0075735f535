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
  let held: Uint8Array | undefined;
  for (;;) {
    const piece = await body.read();
    const more = piece === undefined ? chunks.rest() : chunks.push(piece);
    if (more !== undefined) held = held === undefined ? more : concat([held, more]);
    if (piece === undefined || (more !== undefined && dialect.begins(more))) break;
    if (held !== undefined && held.length > maxHeld) break;
  }
  if (!body.done) return held;
  const rest = chunks.rest(); // all of it is here: what is not ended never will be
  return rest === undefined ? held : concat(held === undefined ? [rest] : [held, rest]);
}
