import type { Endpoint } from "../engine/endpoints.ts";
import { StreamEnd } from "../engine/stream_end.ts";
import { RouterError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import type { Cutoff } from "./cutoff.ts";
import { GRACE_MS, Pieces } from "./pieces.ts";

export interface JoinOptions {
  endpoint: Endpoint;
  cutoff: Cutoff;
  /** How long the engine may be silent between two pieces, milliseconds. */
  idleMs: number;
  /** Bytes of events that are joined at the most. */
  maxHeld: number;
}

/** The body of an answer that is here. */
const NOTHING_MORE: Answer["body"] = {
  done: true,
  failed: false,
  untilClose: false,
  read: () => Promise.resolve(undefined),
  cancel: () => {},
};

/**
 * Makes a whole answer of a stream that was asked for in its place. Throws `UpstreamError`, or `RouterError` if
 * the engine gave up.
 */
export async function joinStream(
  answer: Answer,
  { endpoint, cutoff, idleMs, maxHeld }: JoinOptions,
): Promise<Answer> {
  const { body, chunks, headers } = answer;
  const reading = answer.reading!;
  const end = new StreamEnd(endpoint, { untilClose: body.untilClose });
  let over = false;
  const rest = (): Uint8Array | undefined => {
    over = true;
    return chunks!.rest();
  };
  const pieces = new Pieces(answer, { end, rest });
  let size = 0;
  let events = answer.first;
  for (;;) {
    if (events !== undefined) {
      size += events.length;
      if (size > maxHeld) {
        throw new RouterError("engine_failed", "its answer is too long to be joined");
      }
      end.see(events);
      reading.events(events);
      if (reading.failure !== undefined) throw reading.failure;
    }
    const timer = end.reached
      ? setTimeout(() => body.cancel(), GRACE_MS)
      : setTimeout(() => cutoff.cut("idle"), idleMs);
    const piece = await pieces.next().finally(() => clearTimeout(timer));
    if (piece === undefined) break;
    events = over ? piece : chunks!.push(piece);
  }
  const other = headers.filter(([name]) => name !== "content-type");
  return {
    ...answer,
    headers: [...other, ["content-type", "application/json"]],
    first: reading.joined!(),
    events: false,
    chunks: undefined,
    reading: undefined,
    body: NOTHING_MORE,
  };
}
