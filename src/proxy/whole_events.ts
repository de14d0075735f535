import type { Endpoint } from "../engine/endpoints.ts";
import { StreamEnd } from "../engine/stream_end.ts";
import type { Answer } from "./answer.ts";
import { GRACE_MS, Pieces } from "./pieces.ts";

export interface WholeEventsOptions {
  endpoint: Endpoint;
  /** How long the engine may be silent between two pieces, milliseconds, and what happens then. */
  silence?: { readonly ms: number; readonly end: () => void };
}

/**
 * A stream's events to their end, whole ones, as the engine sent them. Throws `UpstreamError` if that end is
 * a bad one, and `RouterError` when what has been made of them says that the engine gave up.
 */
export async function* wholeEvents(
  answer: Answer,
  { endpoint, silence }: WholeEventsOptions,
): AsyncGenerator<Uint8Array> {
  const { body, chunks, reading } = answer;
  const end = new StreamEnd(endpoint, { untilClose: body.untilClose });
  let over = false;
  const rest = (): Uint8Array | undefined => {
    over = true;
    return chunks!.rest();
  };
  const pieces = new Pieces(answer, { end, rest });
  let events = answer.first;
  for (;;) {
    if (events !== undefined) {
      end.see(events);
      yield events;
      if (reading?.failure !== undefined) throw reading.failure;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (end.reached) timer = setTimeout(() => body.cancel(), GRACE_MS);
    else if (silence !== undefined) timer = setTimeout(silence.end, silence.ms);
    const piece = await pieces.next().finally(() => clearTimeout(timer));
    if (piece === undefined) return;
    events = over ? piece : chunks!.push(piece);
  }
}
