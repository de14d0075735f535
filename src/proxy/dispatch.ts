import { RouterError } from "../errors.ts";
import type { AttemptRecord, RequestRecord } from "../observe/request_record.ts";
import type { Backend } from "../registry/backend.ts";
import type { Lease } from "../registry/lease.ts";
import type { Shortage } from "../registry/registry.ts";
import type { Answer } from "./answer.ts";
import { attempt } from "./attempt.ts";
import type { Call } from "./call.ts";
import { classify, type Verdict } from "./classify.ts";
import type { Cutoff, CutoffCause } from "./cutoff.ts";
import type { House } from "./house.ts";
import { pause } from "./pause.ts";

/** A call that broke so many backends is not sent to another. */
const MAX_STRIKES = 2;

export interface Dispatched {
  readonly answer: Answer;
  readonly lease: Lease;
  /** When the answer had begun, on the house's clock. */
  readonly at: number;
}

interface Candidate extends Verdict {
  readonly lease: Lease;
  readonly at: number;
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
  const { registry, policyOf, config, budget } = house;
  const excluded = new Set<Backend>();
  /** Whether a kept connection had died under the call: from then on it gets new ones. */
  let fresh = false;
  let best: Candidate | undefined;
  let strikes = 0;
  let left = config.retry.attempts;
  let shortage: Shortage | undefined;
  while (cutoff.cause === undefined) {
    const found = registry.acquire(call, { policy: policyOf(call.model), excluded });
    if (typeof found === "string") {
      shortage = found;
      break;
    }
    const lease = found;
    const { backend } = lease;
    excluded.add(backend);
    left--;
    if (strikes > 0) record.resent++;
    const told = beginAttempt(record, lease);
    // Given back by a backend that has fallen, it goes elsewhere, if there is an elsewhere.
    lease.onRevoked = () => {
      if (left > 0 && strikes === 0 && registry.hasRoom(call.model, excluded)) cutoff.interrupt();
    };
    let verdict: Verdict;
    try {
      const happened = await attempt(call, { backend, house, cutoff, fresh });
      verdict = classify(happened, { backend: backend.name, cutoff, revoked: lease.revoked });
    } catch (error) {
      told.outcome = { kind: "router_failed" };
      lease.settle(told.outcome);
      throw error;
    }
    const at = house.now();
    told.duration = (at - lease.startedAt) / 1000;
    told.next = verdict.next;
    if (verdict.next === "pass") return { answer: verdict.told as Answer, lease, at };
    told.outcome = verdict.outcome;
    lease.settle(verdict.outcome, { facts: verdict.facts, at });
    const candidate = { ...verdict, lease, at };
    best = better(best, candidate);
    if (verdict.strike && ++strikes === MAX_STRIKES) throw poisonous(candidate);
    if (verdict.next === "stop") throw verdict.told;
    if (verdict.next === "again") {
      fresh = true;
      excluded.delete(backend);
      left++; // the backend has never seen this one
    }
    const wait = left > 0 ? budget.take() : undefined;
    if (wait === undefined) break;
    if (wait > 0) await pause(wait, cutoff);
  }
  if (cutoff.cause !== undefined) throw cutError(cutoff.cause);
  if (best === undefined) throw shortageError(call.model, { house, shortage });
  if (best.told instanceof RouterError) throw best.told;
  return { answer: best.told, lease: best.lease, at: best.at };
}

function beginAttempt({ attempts }: RequestRecord, { backend, why }: Lease): AttemptRecord {
  const attempt: AttemptRecord = {
    backend: backend.name,
    why,
    duration: undefined,
    outcome: undefined,
    next: undefined,
  };
  attempts.push(attempt);
  return attempt;
}

/** What serves the client best if nobody answers: a refusal that says when to come back, any refusal, the last failure. */
function better(one: Candidate | undefined, other: Candidate): Candidate {
  return one === undefined || rank(other) >= rank(one) ? other : one;
}

function rank({ told, retryAfter }: Candidate): number {
  return told instanceof RouterError ? 0 : retryAfter === undefined ? 1 : 2;
}

/** A call that broke two backends is not sent to a third, and its client is told not to try again. */
function poisonous({ told, lease, outcome }: Candidate): RouterError {
  const error = told instanceof RouterError ? told : new RouterError(
    "upstream_broken",
    `backend ${lease.backend.name} answered ${outcome.kind === "completed" ? outcome.status : ""}`,
  );
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

function shortageError(
  model: string,
  { house: { registry }, shortage }: { house: House; shortage: Shortage | undefined },
): RouterError {
  switch (shortage) {
    case "full":
      return new RouterError("overloaded", `every backend of model '${model}' is at its limit`, {
        retryAfter: 1,
      });
    case "unknown_model": {
      if (registry.backends.some((backend) => backend.healthy)) {
        return new RouterError("model_not_found", `no service supports model '${model}'`, {
          param: "model",
          // A backend that has not said yet what it serves may turn out to serve this.
          repeat: registry.modelsPending,
        });
      }
      const message = `no healthy service (asked for model '${model}')`;
      return new RouterError("no_healthy_backend", message, { retryAfter: 5 });
    }
    default:
      return new RouterError("no_healthy_backend", `no healthy service supports model '${model}'`, {
        retryAfter: 5,
      });
  }
}
