import type { Endpoint } from "../engine/endpoints.ts";
import { errorEvent } from "../engine/error_form.ts";
import { RouterError } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import { encodeEvent } from "../sse/encode.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { BreakableStream } from "./breakable_stream.ts";
import { judgeFailure } from "./classify.ts";
import { cutOutcome } from "./cutoff.ts";
import { EventStream } from "./event_stream.ts";
import type { Exchange } from "./exchange.ts";

/** How long a client that reads nothing can hold up the last event of a broken stream, milliseconds. */
export const LAST_WORD_MS = 5000;

/**
 * How long a client has to read that event before the cut, milliseconds. Web streams drop what they have not given
 * yet when they hear of an error, and with the two in one read clients lost the event, and the token before it:
 * 12 of 60 new processes with ai-sdk 7, 2 of 60 after 10 ms, none of 60 after 50 ms. At least a turn in any
 * case: Deno 2.6 loses what is enqueued in the same turn as an error.
 */
const READ_MS = 50;

export interface BreakOffOptions {
  exchange: Exchange;
  backend: string;
  endpoint: Endpoint;
  writer: WritableStreamDefaultWriter<Uint8Array>;
  stream: BreakableStream;
}

/** Ends a body so that no client can take it for a whole one (RFC 9112, section 8). */
export async function breakOff(
  thrown: unknown,
  { exchange, backend, endpoint, writer, stream }: BreakOffOptions,
): Promise<void> {
  const { cutoff } = exchange;
  // What a call that was cut meets besides is a consequence.
  const known = thrown instanceof UpstreamError || thrown instanceof RouterError;
  const error = known || cutoff.cause === undefined
    ? thrown
    : new UpstreamError("aborted", `cut: ${cutoff.cause}`, { phase: "body" });
  if (cutoff.cause === "client_stalled") {
    exchange.end(cutOutcome(cutoff, "relay"), { code: "client_stalled" });
  } else if (cutoff.cause === "client_left") {
    exchange.end(cutOutcome(cutoff, "body"), { code: "client_closed" });
  } else if (!(error instanceof UpstreamError || error instanceof RouterError)) {
    exchange.failedBy(error);
  } else {
    const { outcome, facts, error: told } = error instanceof RouterError
      ? gaveUp(error)
      : judgeFailure(error, { backend, cutoff });
    exchange.end(outcome, { code: told.code, facts });
    if (stream instanceof EventStream) {
      const openEvent = stream.discardPartial();
      const { requestId } = exchange.record;
      const { data, event } = errorEvent(told, { form: endpoint.api, requestId });
      const named = event === undefined ? {} : { event };
      const said = writer.write(encodeEvent(data, { ...named, openEvent }));
      await withinMs(said, LAST_WORD_MS);
    }
    await withinMs(writer.closed, stream instanceof EventStream ? READ_MS : 0);
  }
  stream.fail(error);
}

/** The engine said in its own way that no more will come. */
function gaveUp(
  error: RouterError,
): { outcome: Outcome; facts: undefined; error: RouterError } {
  return { outcome: { kind: "completed", status: error.status }, facts: undefined, error };
}

async function withinMs(done: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([done.catch(() => {}), late]);
  clearTimeout(timer);
}
