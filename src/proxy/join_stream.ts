import type { Endpoint } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";
import type { Answer } from "./answer.ts";
import { cutShort } from "./cut_short.ts";
import type { Cutoff } from "./cutoff.ts";
import { wholeEvents } from "./whole_events.ts";

export interface JoinOptions {
  endpoint: Endpoint;
  cutoff: Cutoff;
  /** How long the engine may be silent between two pieces, milliseconds. */
  idleMs: number;
  /** Characters of text that are joined at the most. */
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
  const joined = reading.joined!;
  const silence = { ms: idleMs, end: (): void => cutoff.cut("idle") };
  for await (const events of wholeEvents(answer, { endpoint, silence })) {
    reading.events(events);
    if (joined.size > maxHeld) throw tooLong(maxHeld);
  }
  if (!joined.finished) throw cutShort();
  const others = answer.headers.filter(([name]) => name !== "content-type");
  return {
    ...answer,
    headers: [...others, ["content-type", "application/json"]],
    first: joined.make(),
    events: false,
    chunks: undefined,
    reading: undefined,
    body: NOTHING_MORE,
  };
}

function tooLong(maxHeld: number): RouterError {
  const message =
    `an answer of more than ${maxHeld} characters cannot be joined (limits.max_event)`;
  return new RouterError("engine_failed", message);
}
