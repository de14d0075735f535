import type { Outcome } from "../outcome.ts";

/** One sending of a call to one backend. */
export interface AttemptRecord {
  readonly backend: string;
  /** Why the policy chose it, in a word. */
  readonly why: string;
  /** Seconds from the pick until it was judged. */
  duration: number | undefined;
  /** How it ended; undefined while its answer goes out. */
  outcome: Outcome | undefined;
  /** What was done next: `pass`, `stop`, `again`, `once` or `elsewhere`. */
  next: string | undefined;
}

/**
 * What the end of an answer lacked:
 * - `no_done`: a stream's last event (`[DONE]`, `message_stop`, …), though its framing was kept;
 * - `by_close`: anything that tells it from one cut short, as only the close of its connection ended it;
 * - `open_after_done`: the end of the body, which did not come behind the last event;
 * - `broken_after_done`: the same, as the connection broke there.
 */
export type Ended = "no_done" | "by_close" | "open_after_done" | "broken_after_done";

/**
 * All that is told about one request when it is over, made at the door for every request, pages and
 * refusals included. Never a prompt, an answer or a key.
 */
export interface RequestRecord {
  readonly requestId: string;
  readonly method: string;
  /** Undefined if it could not be read. */
  path: string | undefined;
  /** The peer's address. */
  readonly client: string;
  /** Whether it was a call to be routed, rather than a page or something refused at the door. */
  routed: boolean;
  model: string | undefined;
  stream: boolean | undefined;
  /** In their order. */
  readonly attempts: AttemptRecord[];
  /** That whose answer the client got, if it is not our own. */
  answered: AttemptRecord | undefined;
  /** Seconds that it waited for a backend with room, if it did. */
  queued: number | undefined;
  /** Attempts that repeated a call which a broken backend may already have begun. */
  resent: number;
  /** What the client got, 499 if it left. */
  status: number | undefined;
  /** Our error code, if the answer, or the end of the stream, was ours. */
  code: string | undefined;
  outcome: Outcome | undefined;
  /** What the end of an answer that counts as whole lacked. */
  ended: Ended | undefined;
  /** Seconds from the call's arrival. */
  timeToFirstByte: number | undefined;
  duration: number | undefined;
  /** Body bytes sent to the client. */
  bytes: number;
  promptTokens: number | undefined;
  completionTokens: number | undefined;
}

/** Is given every record once, when its request is over. Must not throw. */
export type Sink = (record: RequestRecord) => void;

/** A record of a request that has just come. */
export function beginRecord(
  { requestId, method, client }: { requestId: string; method: string; client: string },
): RequestRecord {
  return {
    requestId,
    method,
    path: undefined,
    client,
    routed: false,
    model: undefined,
    stream: undefined,
    attempts: [],
    answered: undefined,
    queued: undefined,
    resent: 0,
    status: undefined,
    code: undefined,
    outcome: undefined,
    ended: undefined,
    timeToFirstByte: undefined,
    duration: undefined,
    bytes: 0,
    promptTokens: undefined,
    completionTokens: undefined,
  };
}
