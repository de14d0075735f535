import { STATUS_CODE } from "@std/http/status";
import { dialectOf } from "../engine/engines.ts";
import { StreamEnd } from "../engine/stream_end.ts";
import { RouterError } from "../errors.ts";
import type { Backend } from "../registry/backend.ts";
import { EventChunks } from "../sse/event_chunks.ts";
import type { UpstreamResponse } from "../upstream/client.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import { asksForWhole, type Happened, saysJson, valueOf } from "./answer.ts";
import type { Call } from "./call.ts";
import { isRefusal } from "./classify.ts";
import type { Cutoff } from "./cutoff.ts";
import { firstEvents } from "./first_events.ts";
import { withApiKey } from "./headers.ts";
import { holdWhole } from "./hold_whole.ts";
import type { House } from "./house.ts";
import { joinStream } from "./join_stream.ts";
import { isSilent, type SilentOptions } from "./silent.ts";
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
  /** When the client may hear of a stream that has not begun; left out, it may not. */
  early?: SilentOptions | undefined;
}

/**
 * Sends a call to one backend and waits for the beginning of the answer's body: InfiniLM sends its head
 * before it has even queued the call. Says what happened, and judges nothing; throws only what is a
 * defect of ours.
 */
export async function attempt(
  call: Call,
  { backend, house, cutoff, fresh, early }: AttemptOptions,
): Promise<Happened> {
  const { spec } = backend;
  const { target, body: sent, ignored, reading } = dialectOf(backend).prepare(call, spec);
  const { timeouts, limits } = house.config;
  let response: UpstreamResponse | undefined;
  try {
    response = await house.clientOf(backend).send({
      method: call.method,
      target: spec.basePath + target,
      headers: withApiKey(call.headers, spec.apiKey),
      body: sent.length === 0 && BODYLESS.has(call.method) ? undefined : sent,
    }, { connectTimeoutMs: timeouts.connectMs, stop: cutoff, fresh, flow: backend.flow });
    const { status, headers, body, requestSent } = response;
    const events = EVENT_STREAM.test(valueOf(headers, "content-type"));
    const encoded = !PLAIN.test(valueOf(headers, "content-encoding"));
    const refusal = isRefusal(response);
    const untilClose = asksForWhole(response);
    const readable = !encoded && !refusal;
    const chunks = events && readable ? new EventChunks(limits.maxEvent) : undefined;
    let first: Uint8Array | undefined;
    let later: Promise<Uint8Array | undefined> | undefined;
    if (chunks !== undefined) {
      const end = untilClose ? new StreamEnd(call.endpoint, { untilClose }) : undefined;
      const coming = firstEvents(body, { chunks, reading, end });
      const mayWait = early !== undefined && status === STATUS_CODE.OK &&
        reading?.joined === undefined;
      if (mayWait && await isSilent(coming, early)) later = coming;
      else first = await coming;
    } else if (readable && (reading !== undefined || untilClose) && saysJson(headers)) {
      first = await wholeJson(body, { maxHeld: limits.maxEvent, untilClose });
      if (body.done) first = reading?.whole(status, first) ?? first;
    } else {
      first = await body.read();
      if (body.failed) await body.read(); // nobody has to be given the beginning of what is broken
    }
    const answer = {
      status,
      headers,
      first,
      later,
      events,
      encoded,
      chunks,
      reading,
      ignored,
      requestSent,
      body,
    };
    if (refusal) {
      const held = await holdWhole(answer);
      return { kind: "refusal", answer: held ?? answer, whole: held !== undefined };
    }
    if (reading?.joined === undefined || chunks === undefined || status !== STATUS_CODE.OK) {
      return { kind: "answer", answer };
    }
    const { endpoint } = call;
    const { idleMs } = timeouts;
    const maxHeld = limits.maxEvent;
    return {
      kind: "answer",
      answer: await joinStream(answer, { endpoint, cutoff, idleMs, maxHeld }),
    };
  } catch (error) {
    if (error instanceof UpstreamError) return { kind: "failure", error };
    if (!(error instanceof RouterError)) throw error;
    response?.body.cancel();
    return { kind: "rejected", error };
  }
}
