import type { Endpoint } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";
import type { Answer } from "./attempt.ts";
import { isWhole, rideTo } from "./body_end.ts";
import { readCall } from "./call.ts";
import { dispatch } from "./dispatch.ts";
import { Exchange } from "./exchange.ts";
import { answerHeaders } from "./headers.ts";
import type { House } from "./house.ts";
import type { Peer } from "./peer.ts";
import type { RequestHead } from "./request_head.ts";

/** What the door already knows of a request. */
export interface Visit {
  readonly requestId: string;
  /** The path as the client wrote it. */
  readonly path: string;
  /** From the `?` on, or empty. */
  readonly query: string;
  readonly head: RequestHead;
  readonly peer: Peer;
}

/**
 * One call from door to door: read it, find a backend that answers, and send the answer on as it
 * comes. Throws `RouterError` if there is no answer to send; the call has then been logged. Once it
 * has returned, the call's end is told to `visit.peer`.
 */
export async function handle(
  request: Request,
  { visit, endpoint, house }: { visit: Visit; endpoint: Endpoint; house: House },
): Promise<Response> {
  const { requestId, path, query, head, peer } = visit;
  const { config, registry } = house;
  const exchange = new Exchange({
    requestId,
    method: request.method,
    path,
    client: peer.address,
    model: undefined,
    stream: undefined,
    backend: undefined,
    attempts: 0,
    resent: 0,
    status: undefined,
    code: undefined,
    outcome: undefined,
    timeToFirstByte: undefined,
    duration: undefined,
    bytes: 0,
    promptTokens: undefined,
    completionTokens: undefined,
  }, { house, peer });
  const { record, cutoff, hold } = exchange;
  try {
    house.openCalls.check();
    const { maxBody, maxEvent } = config.limits;
    const { validate } = config.requests;
    const client = peer.address;
    const call = await readCall(request, {
      requestId,
      endpoint,
      query,
      head,
      client,
      registry,
      maxBody,
      validate,
      cutoff,
      hold,
    });
    record.model = call.model;
    record.stream = call.stream;
    const { answer, lease } = await dispatch(call, { house, cutoff, record });
    if (answer.requestSent) hold.release(); // nothing of it will be sent any more
    exchange.lease = lease;
    refuseUnpassable(answer, exchange);
    const { status, events } = answer;
    record.status = status;
    record.timeToFirstByte = exchange.elapsed;
    const backend = lease.backend.name;
    const whole = isWhole(answer);
    const headers = answerHeaders(answer.headers, { requestId, backend, events, whole });
    const body = rideTo(answer, { exchange, backend, maxEvent });
    return new Response(body, { status, headers });
  } catch (error) {
    const { status, code } = error instanceof RouterError ? error : new RouterError("internal", "");
    record.status = status;
    exchange.end(record.outcome, code);
    cutoff.cut("abandoned"); // closes what an answer that nobody will carry over still holds
    throw error;
  }
}

/** What cannot be sent on as it is: statuses without a meaning, and error pages for people. */
function refuseUnpassable({ status, headers, body }: Answer, { lease, record }: Exchange): void {
  if (status < 500) return;
  const type = headers.find(([name]) => name === "content-type")?.[1] ?? "no content-type";
  if (status < 600 && /^[^;]*[/+]json\b/i.test(type)) return;
  body.cancel();
  record.outcome = { kind: "completed", status };
  const what = status < 600
    ? `${status} with ${type} instead of JSON`
    : `the unknown status ${status}`;
  throw new RouterError("upstream_bad_answer", `backend ${lease?.backend.name} answered ${what}`);
}
