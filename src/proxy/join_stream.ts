import type { Endpoint } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import type { Cutoff } from "./cutoff.ts";
import { wholeEvents } from "./whole_events.ts";

export interface JoinOptions {
  endpoint: Endpoint;
  cutoff: Cutoff;
  /** How long the engine may be silent between two pieces, milliseconds. */
  idleMs: number;
  /** Bytes of events that are joined at the most. */
  maxHeld: number;
}

/** The body of an answer that is here. */
export const NOTHING_MORE: Answer["body"] = {
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
  const reading = answer.reading!;
  const silence = { ms: idleMs, end: (): void => cutoff.cut("idle") };
  let size = 0;
  for await (const events of wholeEvents(answer, { endpoint, silence })) {
    size += events.length;
    if (size > maxHeld) {
      throw new RouterError("engine_failed", "its answer is too long to be joined");
    }
    reading.events(events);
  }
  const others = answer.headers.filter(([name]) => name !== "content-type");
  return {
    ...answer,
    headers: [...others, ["content-type", "application/json"]],
    first: reading.joined!(),
    events: false,
    chunks: undefined,
    reading: undefined,
    body: NOTHING_MORE,
  };
}
