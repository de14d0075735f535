import type { Endpoint } from "../engine/endpoints.ts";
import { RouterError } from "../errors.ts";
import type { Answer } from "./attempt.ts";
import { rideTo } from "./body_end.ts";
import { readCall } from "./call.ts";
import { dispatch } from "./dispatch.ts";
import { Exchange } from "./exchange.ts";
import { responseHeaders } from "./headers.ts";
import type { House } from "./house.ts";

/** What the door already knows of a request. */
export interface Visit {
  readonly requestId: string;
  readonly endpoint: Endpoint;
  /** The path as the client wrote it. */
  readonly path: string;
  /** From the `?` on, or empty. */
  readonly query: string;
  /** The peer's address. */
  readonly client: string;
}

/**
 * One call from door to door: read it, find a backend that answers, and send the answer on as it
 * comes. Throws `RouterError` if there is no answer to send; the call has then been logged.
 */
export async function handle(request: Request, visit: Visit, house: House): Promise<Response> {
  const { requestId, path, client } = visit;
  const { config, registry } = house;
  const exchange = new Exchange({
    requestId,
    method: request.method,
    path,
    client,
    attempts: 0,
    resent: 0,
    bytes: 0,
  }, { house, signal: request.signal });
  const { record, cutoff } = exchange;
  try {
    const { maxBody, maxEvent } = config.limits;
    const { validate } = config.requests;
    const call = await readCall(request, { ...visit, registry, maxBody, validate, cutoff });
    record.model = call.model;
    record.stream = call.stream;
    const { answer, lease } = await dispatch(call, { house, cutoff, record });
    exchange.lease = lease;
    refuseUnpassable(answer, exchange);
    record.status = answer.status;
    record.timeToFirstByte = exchange.elapsed;
    const backend = lease.backend.name;
    const headers = answerHeaders(answer, { requestId, backend });
    const body = rideTo(answer, { exchange, backend, maxEvent });
    return new Response(body, { status: answer.status, headers });
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
  const type = headers.find(([name]) => name === "content-type")?.[1] ?? "no content-type";
  if (status < 500 || (status < 600 && /^[^;]*[/+]json\b/i.test(type))) return;
  body.cancel();
  record.outcome = { kind: "completed", status };
  const what = status < 600
    ? `${status} with ${type} instead of JSON`
    : `the unknown status ${status}`;
  throw new RouterError("upstream_bad_answer", `backend ${lease?.backend.name} answered ${what}`);
}

function answerHeaders(
  answer: Answer,
  { requestId, backend }: { requestId: string; backend: string },
): HeadersInit {
  const { events } = answer;
  const headers: [string, string][] = [];
  const caching: string[] = [];
  for (const [name, value] of responseHeaders(answer.headers)) {
    if (name === "cache-control") caching.push(value);
    // A stream that breaks ends in an event that its length does not count.
    else if (!events || name !== "content-length") headers.push([name, value]);
  }
  if (events) {
    headers.push(["cache-control", "no-store"]);
    headers.push(["x-accel-buffering", "no"]); // nginx would collect the events
  } else {
    // Else Deno 2.8 compresses it on the way. One line: it does not look at a second.
    headers.push(["cache-control", [...caching, "no-transform"].join(", ")]);
  }
  headers.push(["x-request-id", requestId], ["x-infinilm-service", backend]);
  // A plain object is what Deno takes fastest (6 % of a small call); only pairs can repeat a name.
  const names = Object.fromEntries(headers);
  return Object.keys(names).length === headers.length ? names : headers;
}
