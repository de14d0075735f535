import { RouterError } from "../errors.ts";
import type { RequestRecord } from "../observe/request_record.ts";
import type { Backend } from "../registry/backend.ts";
import type { Lease } from "../registry/lease.ts";
import { type Answer, attempt } from "./attempt.ts";
import type { Call } from "./call.ts";
import { classify } from "./classify.ts";
import type { Cutoff } from "./cutoff.ts";
import type { House } from "./house.ts";

/** Answers that say "not I, not now": another backend may still serve the call. */
const TRY_ELSEWHERE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** An answer held back while others are tried is at most this large; such pages are short. */
const MAX_HELD_BYTES = 256 * 1024;

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
  while (record.attempts < config.retry.attempts) {
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
      held = { answer: await hold(answer), lease };
      failure = undefined;
      lease.settle({ kind: "completed", status: answer.status });
    } catch (error) {
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
  if (held !== undefined) return held;
  throw failure ?? shortageError(call.model, house);
}

/** Reads an answer to its end, so that its connection is free while another backend is tried. */
async function hold(answer: Answer): Promise<Answer> {
  const { first = new Uint8Array(), body } = answer;
  let all = first;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    if (all.length + piece.length > MAX_HELD_BYTES) {
      body.cancel();
      break;
    }
    const longer = new Uint8Array(all.length + piece.length);
    longer.set(all);
    longer.set(piece, all.length);
    all = longer;
  }
  const ended = { read: () => Promise.resolve(undefined), cancel: () => {}, done: true };
  const headers = answer.headers.filter(([name]) => name !== "content-length");
  return { ...answer, headers, first: all.length === 0 ? undefined : all, body: ended };
}

/** A call that broke two backends is not sent to a third, and its client is told not to try again. */
function poisonous(error: RouterError): RouterError {
  return new RouterError(error.code, `${error.message}; another backend broke on it before`, {
    cause: error,
    repeat: false,
  });
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
