import { STATUS_CODE } from "@std/http/status";
import { type ErrorCode, RouterError } from "../errors.ts";
import type { Outcome } from "../outcome.ts";
import type { ExchangeFacts } from "../registry/gate.ts";
import type { Header } from "../upstream/response_head.ts";
import type { UpstreamError } from "../upstream/upstream_error.ts";
import { type Answer, type Happened, saysJson, valueOf } from "./answer.ts";
import type { Cutoff } from "./cutoff.ts";
import { comesBackIn, isRetryAfter } from "./retry_after.ts";

/**
 * What is to be done next:
 * - `pass`: the answer goes to the client;
 * - `again`: on a new connection, the same backend not excluded: nobody had read it;
 * - `elsewhere`: another backend may have it, as nothing was delivered or the backend declined it;
 * - `once`: it may have been delivered, and one poison request can kill every engine it is sent to;
 * - `stop`: no more.
 */
export type Next = "pass" | "again" | "elsewhere" | "once" | "stop";

/** What an attempt means for its backend, for the client and for what to do next. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly facts: ExchangeFacts;
  /** What the client gets if nothing better comes of other attempts. */
  readonly told: Answer | RouterError;
  readonly next: Next;
  /** When the backend said that it may be asked again, milliseconds from then. */
  readonly comesBackMs?: number | undefined;
  /** Whether it said that it has no time. */
  readonly busy?: boolean;
  /** Whether it is evidence that the call breaks those who get it. */
  readonly strike: boolean;
}

export interface Circumstances {
  /** The backend's name. */
  backend: string;
  cutoff: Cutoff;
  /** Whether the backend gave the call back. */
  revoked?: boolean;
}

/** Answers that may say "not I, not now": another backend may still serve the call. */
const REFUSALS: ReadonlySet<number> = new Set([
  STATUS_CODE.TooManyRequests,
  STATUS_CODE.BadGateway,
  STATUS_CODE.ServiceUnavailable,
]);

/**
 * Whether an answer is to be kept back while another backend is tried. A 504 is not: it comes from
 * something that has given the call to an engine, which may still be at it. Nor is what says itself that
 * asking again is no use.
 */
export function isRefusal({ status, headers }: Pick<Answer, "status" | "headers">): boolean {
  return REFUSALS.has(status) && !isFinal(headers);
}

/** Whether the backend says that asking again is no use. */
function isFinal(headers: readonly Header[]): boolean {
  return valueOf(headers, "x-should-retry").toLowerCase() === "false";
}

/** Judges what came of an attempt: the one place where that is done. */
export function classify(happened: Happened, circumstances: Circumstances): Verdict {
  switch (happened.kind) {
    case "answer":
      return judgeAnswer(happened.answer, circumstances);
    case "refusal":
      return judgeRefusal(happened, circumstances);
    case "rejected": {
      const { error } = happened;
      const outcome: Outcome = { kind: "completed", status: error.status };
      return { outcome, facts: {}, told: error, next: "stop", strike: false };
    }
    case "failure": {
      const verdict = judgeFailure(happened.error, circumstances);
      return { ...verdict, told: verdict.error };
    }
  }
}

function judgeAnswer(answer: Answer, { backend }: Circumstances): Verdict {
  const outcome: Outcome = { kind: "completed", status: answer.status };
  const unpassable = whyUnpassable(answer);
  if (unpassable === undefined) {
    return { outcome, facts: {}, told: answer, next: "pass", strike: false };
  }
  answer.body.cancel();
  const told = inOurWords(answer, { backend, what: unpassable });
  return { outcome, facts: {}, told, next: "stop", strike: false };
}

function judgeRefusal(
  { answer, whole }: { answer: Answer; whole: boolean },
  { backend, revoked = false }: Circumstances,
): Verdict {
  const { status, headers } = answer;
  const unpassable = whole
    ? whyUnpassable(answer)
    : revoked
    ? `${status} and fell`
    : `${status} with a body that is too large, too slow or not whole`;
  const comesBackMs = comesBackIn(headers);
  // A 502 comes from something in front of an engine, whose connection to it broke.
  const maybeDelivered = status === STATUS_CODE.BadGateway;
  return {
    outcome: { kind: "completed", status },
    facts: comesBackMs === undefined ? {} : { comesBackMs },
    told: unpassable === undefined ? answer : inOurWords(answer, { backend, what: unpassable }),
    next: maybeDelivered ? "once" : "elsewhere",
    comesBackMs,
    busy: !maybeDelivered,
    strike: maybeDelivered,
  };
}

/** Statuses without a meaning, and pages for people where programs read; undefined for what can be passed on. */
function whyUnpassable({ status, headers }: Answer): string | undefined {
  if (status < 500 && status !== STATUS_CODE.TooManyRequests) return undefined;
  if (status >= 600) return `the unknown status ${status}`;
  if (saysJson(headers)) return undefined;
  return `${status} with ${valueOf(headers, "content-type") || "no content-type"} instead of JSON`;
}

/** Statuses that say what a client is to do; they keep their meaning, others become 502. */
const MEANING: ReadonlyMap<number, ErrorCode> = new Map([
  [STATUS_CODE.TooManyRequests, "upstream_busy"],
  [STATUS_CODE.ServiceUnavailable, "upstream_unavailable"],
  [STATUS_CODE.GatewayTimeout, "upstream_timeout"],
]);

/** An answer whose body cannot be passed on. */
export function inOurWords(
  { status, headers }: Answer,
  { backend, what }: { backend: string; what: string },
): RouterError {
  const code = MEANING.get(status) ?? "upstream_bad_answer";
  const said = valueOf(headers, "retry-after");
  const retryAfter = code !== "upstream_bad_answer" && isRetryAfter(said) ? said : undefined;
  return new RouterError(code, `backend ${backend} answered ${what}`, {
    retryAfter,
    ...(isFinal(headers) ? { repeat: false } : {}),
  });
}

/** How soon another router, or the next process, may be asked, seconds. */
const NEXT_SECONDS = 1;

/** Why a call got no answer, or not all of it. */
export function shuttingDown(options: { cause?: unknown } = {}): RouterError {
  const message = "the router was stopped before the answer had ended (shutdown.timeout)";
  return new RouterError("shutting_down", message, { ...options, retryAfter: NEXT_SECONDS });
}

/** What is told of a backend that exceeded a limit. */
const LIMITS = {
  request: { code: "upstream_timeout", what: "gave no whole answer in time" },
  idle: { code: "upstream_idle_timeout", what: "went silent in its stream" },
  total: { code: "upstream_total_timeout", what: "streamed for too long" },
} as const;

/** Judges why an exchange failed, before or after its answer had begun. */
export function judgeFailure(
  error: UpstreamError,
  { backend, cutoff, revoked = false }: Circumstances,
): Omit<Verdict, "told"> & { readonly error: RouterError } {
  const { phase } = error;
  const facts: ExchangeFacts = { reason: error.message, reused: error.reused };
  const cause = { cause: error };
  const stop = { facts, next: "stop", strike: false } as const;
  switch (cutoff.cause) {
    case "client_left":
    case "client_stalled":
    case "abandoned":
      return {
        ...stop,
        outcome: { kind: "client_left", phase },
        error: new RouterError("client_closed", "the client left", cause),
      };
    case "shutdown":
      return { ...stop, outcome: { kind: "router_failed" }, error: shuttingDown(cause) };
    case "request":
    case "idle":
    case "total": {
      const { code, what } = LIMITS[cutoff.cause];
      const message = `backend ${backend} ${what} (timeouts.${cutoff.cause})`;
      return {
        ...stop,
        outcome: { kind: "timed_out", phase },
        error: new RouterError(code, message, cause),
      };
    }
  }
  if (error.kind === "local") {
    return {
      ...stop,
      outcome: { kind: "router_failed" },
      error: new RouterError(
        "upstream_connect",
        `the router cannot connect: ${error.message}`,
        cause,
      ),
    };
  }
  const next = error.delivered ? "once" : "elsewhere";
  const strike = error.delivered;
  if (revoked && error.kind === "aborted") {
    return {
      outcome: { kind: "broke", phase },
      facts,
      next,
      strike,
      error: new RouterError(
        "upstream_broken",
        `backend ${backend} fell before it answered`,
        cause,
      ),
    };
  }
  if (error.phase === "connect") {
    const late = error.kind === "timeout";
    return {
      outcome: late ? { kind: "timed_out", phase } : { kind: "refused" },
      facts,
      next: "elsewhere",
      strike: false,
      error: new RouterError(
        late ? "upstream_connect_timeout" : "upstream_connect",
        `no connection to backend ${backend}: ${error.message}`,
        cause,
      ),
    };
  }
  if (error.kind === "bad_answer") {
    return {
      ...stop,
      outcome: { kind: "broke", phase },
      error: new RouterError(
        "upstream_bad_answer",
        `backend ${backend} gave no valid HTTP answer: ${error.message}`,
        { ...cause, repeat: false },
      ),
    };
  }
  const broken = new RouterError(
    "upstream_broken",
    `backend ${backend} broke the connection before its answer was complete`,
    cause,
  );
  if (error.stale) {
    return { outcome: { kind: "stale" }, facts, next: "again", strike: false, error: broken };
  }
  return { outcome: { kind: "broke", phase }, facts, next, strike, error: broken };
}
