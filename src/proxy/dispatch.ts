import type { Applicant } from "../admission/queue.ts";
import { RouterError } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import type { AttemptRecord, RequestRecord } from "../observe/request_record.ts";
import type { Backend } from "../registry/backend.ts";
import type { Lease } from "../registry/lease.ts";
import type { Shortage } from "../registry/registry.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { Answer, Happened } from "./answer.ts";
import { attempt } from "./attempt.ts";
import type { Call } from "./call.ts";
import { callerOf } from "./caller.ts";
import { classify, shuttingDown, type Verdict } from "./classify.ts";
import { type Cutoff, type CutoffCause, noteCut } from "./cutoff.ts";
import { Fitness } from "./fitness.ts";
import type { House } from "./house.ts";
import { pause } from "./pause.ts";
import { waited } from "./waited.ts";

/** A call that broke so many backends is not sent to another. */
const MAX_STRIKES = 2;

/** A call that may have killed a backend is the only such one at the next for so long, or until it has an answer. */
const ALONE_MS = 2000;

export interface DispatchOptions {
  house: House;
  cutoff: Cutoff;
  record: RequestRecord;
  /** Whether the client of a stream may hear comments before its first event (`stream.keep_alive`). */
  keptAlive?: boolean;
}

export interface Dispatched {
  readonly answer: Answer;
  readonly lease: Lease;
  /** What is told of it. */
  readonly entry: AttemptRecord;
  /** When the answer, or hearing of it, had begun, on the house's clock. */
  readonly at: number;
}

/** A backend that broke on a call. */
interface Strike {
  readonly backend: string;
  /** Whether it broke itself, and did not only say that something behind it had. */
  readonly died: boolean;
}

interface Candidate extends Verdict {
  readonly lease: Lease;
  readonly at: number;
  readonly entry: AttemptRecord;
}

/**
 * Finds a backend that answers, trying each at most once and `retry.attempts` in all. Nothing has
 * reached the client yet, so this is the only place where a call is ever sent again.
 * Throws `RouterError`.
 */
export async function dispatch(
  call: Call,
  { house, cutoff, record, keptAlive = false }: DispatchOptions,
): Promise<Dispatched> {
  const { registry, policyOf, config, budget, poison, queue } = house;
  poison.check(call);
  const since = house.now();
  const excluded = new Set<Backend>();
  const fitness = new Fitness(call);
  const { fits } = fitness;
  const strikes: Strike[] = [];
  const applicant: Applicant = {
    model: call.model,
    caller: () => callerOf(call, record),
    returning: false,
    acquire: () => {
      const policy = policyOf(call.model);
      return registry.acquire(call, { policy, excluded, fits, suspect: strikes.length > 0 });
    },
    stop: cutoff,
  };
  /** Whether a kept connection had died under the call: from then on it gets new ones. */
  let fresh = false;
  let best: Candidate | undefined;
  /** Whether it has had a place, and lost it for no fault of its own: that its backend was busy is no such loss. */
  let lost = false;
  const waits = { seconds: 0 };
  budget.call();
  let left = config.retry.attempts;
  let shortage: Shortage | undefined;
  while (cutoff.cause === undefined) {
    const placed = queue.apply(lost ? { ...applicant, returning: true } : applicant);
    const found = placed instanceof Promise
      ? await waited(placed, { house, cutoff, record, waits })
      : placed;
    if (found === undefined) break; // ended while it waited
    if (found instanceof RouterError) {
      if (best === undefined) throw found;
      break;
    }
    if (typeof found === "string") {
      shortage = found;
      break;
    }
    const lease = found;
    const { backend } = lease;
    excluded.add(backend);
    left--;
    const suspect = strikes.length > 0;
    if (suspect) record.resent++;
    const entry = beginAttempt(record, lease);
    const elsewhere = (): boolean =>
      left > 0 && config.retry.ambiguous !== "never" && registry.offers(call, { excluded, fits });
    let stopWatching: (() => void) | undefined;
    lease.onRevoked = () => {
      // Where there is no elsewhere it waits on, until there is; after its second strike nobody gets it any more.
      const move = (): void => {
        if (!cutoff.stopped && (suspect || elsewhere())) cutoff.interrupt();
      };
      stopWatching = registry.onChange(call.model, move);
      move();
    };
    const everyMs = keptAlive ? config.stream.keepAliveMs : null;
    const early = everyMs === null ? undefined : {
      firstMs: Math.max(0, everyMs - (house.now() - since)),
      everyMs,
      enough: () => suspect || !elsewhere(),
    };
    const alone = suspect ? setTimeout(() => lease.acquit(), ALONE_MS) : undefined;
    let verdict: Verdict;
    try {
      const happened = unlessInterrupted(
        await attempt(call, { backend, house, cutoff, fresh, early }),
        cutoff,
      );
      verdict = classify(happened, {
        backend: backend.name,
        cutoff,
        revoked: lease.revoked !== false,
      });
    } catch (error) {
      clearTimeout(alone);
      entry.outcome = { kind: "router_failed" };
      lease.settle(entry.outcome);
      throw error;
    } finally {
      stopWatching?.();
    }
    cutoff.resume();
    const at = house.now();
    entry.duration = (at - lease.startedAt) / 1000;
    entry.next = verdict.next;
    if (verdict.next === "pass") {
      lease.onRevoked = undefined;
      record.answered = entry;
      const answer = verdict.told as Answer;
      if (answer.later === undefined) lease.begin(at, answer.status);
      else watchLater(answer.later, { call, house, strikes, lease });
      const done = (): void => clearTimeout(alone);
      if (answer.later === undefined) done();
      else answer.later.then(done, done);
      return { answer, lease, entry, at };
    }
    clearTimeout(alone);
    entry.outcome = verdict.outcome;
    lease.settle(verdict.outcome, { facts: verdict.facts, at });
    best = better(best, { ...verdict, lease, at, entry });
    lost = verdict.busy !== true;
    if (verdict.strike) {
      strikes.push({ backend: backend.name, died: hasDied(verdict.outcome, lease) });
      if (strikes.length === MAX_STRIKES) throw struckOut(call, verdict, { house, strikes });
    }
    if (verdict.next === "stop") break;
    if (verdict.next === "once" && config.retry.ambiguous === "never") break;
    if (verdict.next === "again") {
      // The backend has never seen this one. What no engine has read costs none of them anything, and is no part
      // of the budget.
      fresh = true;
      excluded.delete(backend);
      left++;
      continue;
    }
    if (left === 0 || !registry.offers(call, { excluded, fits })) break;
    if (verdict.next === "elsewhere" && !verdict.busy) continue;
    const wait = budget.take(verdict.busy ? "busy" : "other");
    if (wait === undefined) break;
    if (wait === 0) continue;
    await pause(wait, cutoff);
    noteCut(record, cutoff, "backoff");
  }
  if (cutoff.cause !== undefined) throw cutError(cutoff.cause, best);
  if (best === undefined) {
    throw fitness.refusal !== undefined && shortage === "unfit"
      ? fitness.refusal
      : shortageError(call.model, { house, shortage });
  }
  if (best.told instanceof RouterError) throw best.told;
  record.answered = best.entry;
  return { answer: best.told, lease: best.lease, entry: best.entry, at: best.at };
}

/** Whether a backend broke by itself: one that only hangs may go on, and says nothing against a call. */
function hasDied({ kind }: Outcome, { revoked }: Lease): boolean {
  return kind === "broke" && revoked !== "hung";
}

/** A backend that dies before the first event of a stream has died of it as any other, though its client has heard us. */
function watchLater(
  later: Promise<unknown>,
  { call, house, strikes, lease }: {
    call: Call;
    house: House;
    strikes: readonly Strike[];
    lease: Lease;
  },
): void {
  later.catch((error: unknown) => {
    if (!(error instanceof UpstreamError) || error.kind === "aborted" || strikes.length === 0) {
      return;
    }
    const all = [...strikes, { backend: lease.backend.name, died: true }];
    if (all.every(({ died }) => died)) convict(call, { house, strikes: all });
  });
}

/** An answer that had just begun when its backend gave the call back has lost its connection. */
function unlessInterrupted(happened: Happened, { interrupted }: Cutoff): Happened {
  if (!interrupted || happened.kind !== "answer" || happened.answer.body.done) return happened;
  happened.answer.body.cancel();
  const error = new UpstreamError("aborted", "the backend fell", { phase: "body" });
  error.delivered = true;
  return { kind: "failure", error };
}

function beginAttempt({ attempts }: RequestRecord, { backend, why }: Lease): AttemptRecord {
  const entry: AttemptRecord = {
    backend: backend.name,
    why,
    duration: undefined,
    outcome: undefined,
    next: undefined,
  };
  attempts.push(entry);
  return entry;
}

/**
 * What serves the client best if nobody answers: a refusal that says when to come back, the soonest of them, any
 * refusal, the last failure.
 */
function better(one: Candidate | undefined, other: Candidate): Candidate {
  if (one === undefined) return other;
  const [before, after] = [rank(one), rank(other)];
  if (before !== after) return after > before ? other : one;
  return (other.comesBackMs ?? 0) <= (one.comesBackMs ?? 0) ? other : one;
}

function rank({ told, comesBackMs }: Candidate): number {
  const refused = !(told instanceof RouterError) || told.code === "upstream_busy" ||
    told.code === "upstream_unavailable";
  return !refused ? 0 : comesBackMs !== undefined ? 2 : 1;
}

/**
 * A call that broke two backends is not sent to a third, and its client is told not to try again. If both died
 * under it, the same request is refused for a while.
 */
function struckOut(
  call: Call,
  { told }: Verdict,
  { house, strikes }: { house: House; strikes: readonly Strike[] },
): RouterError {
  const options = { cause: told, repeat: false };
  const backends = strikes.map(({ backend }) => backend);
  if (!strikes.every(({ died }) => died)) {
    const { code, message } = told instanceof RouterError
      ? told
      : new RouterError("upstream_broken", `backend ${backends.at(-1)} answered 502`);
    return new RouterError(code, `${message}; another backend broke on it before`, options);
  }
  convict(call, { house, strikes });
  const message = `backends ${backends.join(" and ")} died while they held this request`;
  return new RouterError("suspected_poison", message, options);
}

/** The same request is refused for a while. */
function convict(
  call: Call,
  { house: { poison, log }, strikes }: { house: House; strikes: readonly Strike[] },
): void {
  const backends = strikes.map(({ backend }) => backend);
  const digest = poison.remember(call, backends);
  const { requestId, model } = call;
  const fields = { request_id: requestId, model, backends, digest };
  log.warn("request is suspected to be poison", fields);
}

/** Why a call was ended from outside: in an attempt, or between two, when no backend is to blame. */
function cutError(cause: CutoffCause, last: Candidate | undefined): RouterError {
  if (last?.next === "stop" && last.told instanceof RouterError) return last.told;
  if (cause === "shutdown") return shuttingDown();
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
