import type { Outcome } from "../outcome.ts";
import type { Log } from "./log.ts";

/** All that is told about one call when it is over. Never a prompt, an answer or a key. */
export interface RequestRecord {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** The peer's address. */
  readonly client: string;
  model?: string;
  stream?: boolean;
  /** Who answered, or who was tried last. */
  backend?: string;
  /** How many backends were sent the call. */
  attempts: number;
  /** Attempts that repeated a call which a broken backend may already have begun. */
  resent: number;
  /** What the client got, 499 if it left. */
  status?: number;
  /** Our error code, if the answer, or the end of the stream, was ours. */
  code?: string;
  outcome?: Outcome;
  /** Seconds from the call's arrival. */
  timeToFirstByte?: number;
  duration?: number;
  /** Body bytes sent to the client. */
  bytes: number;
  promptTokens?: number;
  completionTokens?: number;
}

/** Writes the one line that a call leaves in the log. */
export function logRecord(log: Log, record: RequestRecord): void {
  const failed = (record.status ?? 0) >= 500 || record.code?.startsWith("upstream_") === true;
  if (!log.isEnabledFor(failed ? "warning" : "info")) return;
  const fields = {
    request_id: record.requestId,
    method: record.method,
    path: record.path,
    client: record.client,
    model: record.model,
    stream: record.stream,
    backend: record.backend,
    attempts: record.attempts,
    resent: record.resent === 0 ? undefined : record.resent,
    status: record.status,
    code: record.code,
    outcome: record.outcome?.kind,
    phase: record.outcome !== undefined && "phase" in record.outcome
      ? record.outcome.phase
      : undefined,
    ttfb_s: round(record.timeToFirstByte),
    duration_s: round(record.duration),
    bytes: record.bytes,
    prompt_tokens: record.promptTokens,
    completion_tokens: record.completionTokens,
  };
  const known = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  );
  if (failed) log.warn("call failed", known);
  else log.info("call", known);
}

function round(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e4) / 1e4;
}
