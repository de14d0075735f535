import { OPENAI } from "../engine/openai.ts";
import type { Backend } from "../registry/backend.ts";
import { EventChunks } from "../sse/event_chunks.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import { type Answer, type Happened, saysJson, valueOf } from "./answer.ts";
import type { Call } from "./call.ts";
import { isRefusal } from "./classify.ts";
import type { Cutoff } from "./cutoff.ts";
import { firstEvents } from "./first_events.ts";
import { withApiKey } from "./headers.ts";
import { holdWhole } from "./hold_whole.ts";
import type { House } from "./house.ts";
import { wholeJson } from "./until_close.ts";

const EVENT_STREAM = /^text\/event-stream\s*(;|$)/i;
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
  const { basePath, apiKey } = backend.spec;
  const dialect = OPENAI;
  const prepared = dialect.prepare(call);
  try {
    const { status, headers, body, requestSent } = await house.clientOf(backend).send({
      method: "POST",
      target: basePath + prepared.target,
      headers: withApiKey(call.headers, apiKey),
      body: prepared.body,
    }, { connectTimeoutMs: house.config.timeouts.connectMs, stop: cutoff, fresh });
    const events = EVENT_STREAM.test(valueOf(headers, "content-type"));
    const encoded = !PLAIN.test(valueOf(headers, "content-encoding"));
    const refusal = isRefusal({ status, headers });
    const { maxEvent } = house.config.limits;
    const chunks = events && !encoded && !refusal ? new EventChunks(maxEvent) : undefined;
    const first = chunks !== undefined
      ? await firstEvents(body, { chunks, dialect, endpoint: call.endpoint, maxHeld: maxEvent })
      : body.untilClose && !refusal && !encoded && saysJson(headers)
      ? await wholeJson(body)
      : await beginning(body);
    const answer = { status, headers, first, events, encoded, chunks, dialect, requestSent, body };
    if (!refusal) return { kind: "answer", answer };
    const held = await holdWhole(answer);
    return { kind: "refusal", answer: held ?? answer, whole: held !== undefined };
  } catch (error) {
    if (error instanceof UpstreamError) return { kind: "failure", error };
    throw error;
  }
}

/** The first piece of a body; nothing, if nobody has to be given the beginning of one that is broken. */
async function beginning(body: Answer["body"]): Promise<Uint8Array | undefined> {
  const first = await body.read();
  return body.failed ? await body.read() : first;
}
