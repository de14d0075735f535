import type { Endpoint } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";
import type { RequestRecord } from "../observe/request_record.ts";
import type { Answer } from "./answer.ts";
import { batch } from "./batch.ts";
import { readCall } from "./call.ts";
import { dispatch, type Dispatched } from "./dispatch.ts";
import { Exchange } from "./exchange.ts";
import { answerHeaders } from "./headers.ts";
import type { House } from "./house.ts";
import type { Peer } from "./peer.ts";
import { promptsOf } from "./prompts.ts";
import { isWhole, relay } from "./relay.ts";
import type { RequestHead } from "./request_head.ts";

/** What the door already knows of a request. */
export interface Visit {
  /** The house it has entered, and stays in. */
  readonly house: House;
  /** What will be told of it. */
  readonly record: RequestRecord;
  /** The path as the client wrote it. */
  readonly path: string;
  /** From the `?` on, or empty. */
  readonly query: string;
  readonly head: RequestHead;
  readonly peer: Peer;
}

/**
 * One call from door to door: read it, find a backend that answers, and send the answer on as it
 * comes. Throws `RouterError` if there is no answer to send; the call has then been told. Once it
 * has returned, the call's end is told to `visit.peer`.
 */
export async function handle(
  request: Request,
  { house, record, query, head, peer }: Visit,
  endpoint: Endpoint,
): Promise<Response> {
  const { config, registry } = house;
  const { requestId, client } = record;
  const exchange = new Exchange(record, { house, peer });
  const { cutoff, hold } = exchange;
  try {
    house.openCalls.check();
    const { maxBody } = config.limits;
    const call = await readCall(request, {
      requestId,
      routerId: house.id,
      endpoint,
      query,
      head,
      client,
      registry,
      maxBody,
      requests: config.requests,
      compression: config.upstreamCompression,
      cutoff,
      hold,
      largeBodies: house.largeBodies,
    });
    record.model = call.model;
    record.stream = call.stream;
    const prompts = promptsOf(call, registry);
    const { answer, backend } = prompts === undefined
      ? taken(await dispatch(call, { house, cutoff, record, keptAlive: true }), { house, exchange })
      : await batch(call, prompts, { house, exchange });
    const { status, events, ignored } = answer;
    record.status = status;
    const whole = isWhole(answer);
    const headers = answerHeaders(answer.headers, {
      requestId,
      backend,
      events,
      whole,
      ignored,
      queued: record.queued,
    });
    const { keepAliveMs } = config.stream;
    const body = relay(answer, { exchange, backend, endpoint, keepAliveMs });
    return new Response(body, { status, headers });
  } catch (error) {
    exchange.fail(error instanceof RouterError ? error : new RouterError("internal", ""));
    throw error;
  }
}

/** One backend's answer, which holds the call's lease from now on. */
function taken(
  { answer, lease, at }: Dispatched,
  { house, exchange }: { house: House; exchange: Exchange },
): { answer: Answer; backend: string } {
  if (answer.requestSent) exchange.hold.release(); // nothing of it will be sent any more
  exchange.lease = lease;
  if (answer.later === undefined) exchange.begun(at);
  if (answer.ignored !== undefined) house.ignoredNotes.note(lease.backend, answer.ignored);
  return { answer, backend: lease.backend.name };
}
