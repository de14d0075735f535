import { STATUS_CODE } from "@std/http/status";
import { concat } from "../sse/concat.ts";
import { RouterError } from "../errors.ts";
import type { RequestRecord } from "../observe/request_record.ts";
import type { Backend } from "../registry/backend.ts";
import type { Lease } from "../registry/lease.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import { type Answer, attempt } from "./attempt.ts";
import type { Call } from "./call.ts";
import { classify } from "./classify.ts";
import type { Cutoff, CutoffCause } from "./cutoff.ts";
import type { House } from "./house.ts";

/** Answers that say "not I, not now": another backend may still serve the call. */
const TRY_ELSEWHERE: ReadonlySet<number> = new Set([
  STATUS_CODE.TooManyRequests,
  STATUS_CODE.BadGateway,
  STATUS_CODE.ServiceUnavailable,
  STATUS_CODE.GatewayTimeout,
]);

/** An answer held back while others are tried is at most this large and slow; such pages are short. */
const MAX_HELD_BYTES = 256 * 1024;
const MAX_HOLD_MS = 1000;

export interface Dispatched {
  readonly answer: Answer;
  readonly lease: Lease;
}

/**
 * Finds a backend that answers, trying each at most once and `retry.attempts` in all. Nothing has
 * reached the client yet, so this is the only place where a call is ever sent again.
 * Throws `RouterError`.
 */
export async function dispatch(
  call: Call,
  { house, cutoff, record }: { house: House; cutoff: Cutoff; record: RequestRecord },
): Promise<Dispatched> {
  const { registry, choose, config } = house;
  const excluded = new Set<Backend>();
  let held: Dispatched | undefined;
  let failure: RouterError | undefined;
  let maybeDelivered = 0;
  while (record.attempts < config.retry.attempts && cutoff.cause === undefined) {
    const lease = registry.acquire(call.model, { choose, excluded });
    if (lease === undefined) break;
    const { backend } = lease;
    excluded.add(backend);
    record.attempts++;
    record.backend = backend.name;
    if (maybeDelivered > 0) record.resent++;
    try {
      const answer = await attempt(call, { backend, house, cutoff });
      if (!TRY_ELSEWHERE.has(answer.status)) return { answer, lease };
      const whole = await hold(answer);
      lease.settle({ kind: "completed", status: answer.status });
      held = whole && { answer: whole, lease };
      failure = whole ? undefined : unholdable(answer.status, backend.name);
    } catch (error) {
      if (!(error instanceof UpstreamError)) {
        lease.settle({ kind: "router_failed" });
        throw error;
      }
      const verdict = classify(error, { backend: backend.name, cutoff });
      lease.settle(verdict.outcome);
      record.outcome = verdict.outcome;
      if (verdict.next === "once") maybeDelivered++;
      if (verdict.next === "stop") throw verdict.error;
      if (maybeDelivered > 1) throw poisonous(verdict.error);
      failure = verdict.error;
      held = undefined;
    }
  }
  if (cutoff.cause !== undefined) throw cutError(cutoff.cause);
  if (held !== undefined) return held;
  throw failure ?? shortageError(call.model, house);
}

/**
 * Reads a refusal to its end, so that its connection is free while another backend is tried.
 * Undefined if it is too large, too slow or breaks off.
 */
async function hold(answer: Answer): Promise<Answer | undefined> {
  const { first, body } = answer;
  if (body.done) return answer;
  const pieces: Uint8Array[] = [];
  let size = 0;
  const timer = setTimeout(() => body.cancel(), MAX_HOLD_MS);
  try {
    for (let piece = first; piece !== undefined; piece = await body.read()) {
      size += piece.length;
      if (size > MAX_HELD_BYTES) {
        body.cancel();
        return undefined;
      }
      pieces.push(piece);
    }
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
  return { ...answer, first: concat(pieces), body };
}

function unholdable(status: number, backend: string): RouterError {
  const message =
    `backend ${backend} answered ${status} with a body too large or too slow to pass on`;
  return new RouterError("upstream_bad_answer", message);
}

/** A call that broke two backends is not sent to a third, and its client is told not to try again. */
function poisonous(error: RouterError): RouterError {
  return new RouterError(error.code, `${error.message}; another backend broke on it before`, {
    cause: error,
    repeat: false,
  });
}

/** Why a call ends between two attempts: no backend had it, so none is to blame. */
function cutError(cause: CutoffCause): RouterError {
  return cause === "client_left"
    ? new RouterError("client_closed", "the client left before its answer")
    : new RouterError("upstream_timeout", `no backend answered in time (timeouts.${cause})`);
}

function shortageError(model: string, { registry }: House): RouterError {
  switch (registry.shortage(model)) {
    case "full":
      return new RouterError("overloaded", `every backend of model '${model}' is at its limit`, {
        retryAfter: 1,
      });
    case "unhealthy":
      return new RouterError("no_healthy_backend", `no healthy service supports model '${model}'`, {
        retryAfter: 5,
      });
    case "unknown_model":
      if (!registry.backends.some((backend) => backend.healthy)) {
        return new RouterError(
          "no_healthy_backend",
          `no healthy service (asked for model '${model}')`,
          {
            retryAfter: 5,
          },
        );
      }
      return new RouterError("model_not_found", `no service supports model '${model}'`, {
        param: "model",
        // A backend that has not said yet what it serves may turn out to serve this.
        repeat: registry.modelsPending,
      });
  }
}
