import type { Reading } from "../engine/dialect.ts";
import { DIALECTS } from "../engine/engines.ts";
import { StreamEnd } from "../engine/stream_end.ts";
import { RouterError } from "../errors.ts";
import type { Backend } from "../registry/backend.ts";
import { EventChunks } from "../sse/event_chunks.ts";
import type { UpstreamResponse } from "../upstream/client.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import { type Answer, asksForWhole, type Happened, saysJson, valueOf } from "./answer.ts";
import type { Call } from "./call.ts";
import { isRefusal } from "./classify.ts";
import type { Cutoff } from "./cutoff.ts";
import { firstEvents } from "./first_events.ts";
import { withApiKey } from "./headers.ts";
import { holdWhole } from "./hold_whole.ts";
import type { House } from "./house.ts";
import { joinStream } from "./join_stream.ts";
import { wholeJson } from "./whole_json.ts";

const EVENT_STREAM = /^text\/event-stream\s*(;|$)/i;
/** Methods whose requests have no body unless they bring one (RFC 9110, section 8.6). */
const BODYLESS: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS"]);
const PLAIN = /^(identity)?$/i;

export interface AttemptOptions {
  backend: Backend;
  house: House;
  cutoff: Cutoff;
  /** Whether it must have a connection of its own. */
  fresh: boolean;
}

/**
 * Sends a call to one backend and waits for the beginning of the answer's body: InfiniLM sends its head
 * before it has even queued the call. Says what happened, and judges nothing; throws only what is a
 * defect of ours.
 */
export async function attempt(
  call: Call,
  { backend, house, cutoff, fresh }: AttemptOptions,
): Promise<Happened> {
  const { spec } = backend;
  const { target, body, ignored, reading } = DIALECTS[backend.engine].prepare(call, spec);
  let response: UpstreamResponse | undefined;
  try {
    response = await house.clientOf(backend).send({
      method: call.method,
      target: spec.basePath + target,
      headers: withApiKey(call.headers, spec.apiKey),
      ...(body.length === 0 && BODYLESS.has(call.method) ? {} : { body }),
    }, { connectTimeoutMs: house.config.timeouts.connectMs, stop: cutoff, fresh });
    const answer = await begin(response, { call, house, reading, ignored });
    if (isRefusal(answer)) {
      const held = await holdWhole(answer);
      return { kind: "refusal", answer: held ?? answer, whole: held !== undefined };
    }
    if (reading?.joined === undefined || answer.chunks === undefined) {
      return { kind: "answer", answer };
    }
    const { endpoint } = call;
    const { timeouts, limits } = house.config;
    const { idleMs } = timeouts;
    return {
      kind: "answer",
      answer: await joinStream(answer, { endpoint, cutoff, idleMs, maxHeld: limits.maxEvent }),
    };
  } catch (error) {
    if (error instanceof UpstreamError) return { kind: "failure", error };
    if (!(error instanceof RouterError)) throw error;
    response?.body.cancel();
    return { kind: "rejected", error };
  }
}

interface BeginOptions {
  call: Call;
  house: House;
  reading: Reading | undefined;
  ignored: readonly string[] | undefined;
}

/** The answer as soon as it means something. Throws `UpstreamError`, and what its reading throws. */
async function begin(
  { status, headers, body, requestSent }: UpstreamResponse,
  { call: { endpoint }, house, reading, ignored }: BeginOptions,
): Promise<Answer> {
  const { maxEvent } = house.config.limits;
  const events = EVENT_STREAM.test(valueOf(headers, "content-type"));
  const encoded = !PLAIN.test(valueOf(headers, "content-encoding"));
  const readable = !encoded && !isRefusal({ status, headers });
  const chunks = events && readable ? new EventChunks(maxEvent) : undefined;
  const untilClose = asksForWhole({ status, body });
  let first: Uint8Array | undefined;
  if (chunks !== undefined) {
    const end = untilClose ? new StreamEnd(endpoint, { untilClose }) : undefined;
    first = await firstEvents(body, { chunks, reading, end, maxHeld: maxEvent });
  } else if (readable && saysJson(headers) && (reading !== undefined || untilClose)) {
    first = await wholeJson(body, { maxHeld: maxEvent, untilClose });
    if (body.done) first = reading?.whole(status, first) ?? first;
  } else {
    first = await body.read();
    if (body.failed) await body.read(); // nobody has to be given the beginning of what is broken
  }
  return { status, headers, first, events, encoded, chunks, reading, ignored, requestSent, body };
}
