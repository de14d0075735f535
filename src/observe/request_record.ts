import type { Outcome } from "../outcome.ts";
import type { Log } from "./log.ts";

/** All that is told about one call when it is over. Never a prompt, an answer or a key. */
export interface RequestRecord {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** The peer's address. */
  readonly client: string;
  model: string | undefined;
  stream: boolean | undefined;
  /** Who answered, or who was tried last. */
  backend: string | undefined;
  /** How many backends were sent the call. */
  attempts: number;
  /** Attempts that repeated a call which a broken backend may already have begun. */
  resent: number;
  /** What the client got, 499 if it left. */
  status: number | undefined;
  /** Our error code, if the answer, or the end of the stream, was ours. */
  code: string | undefined;
  outcome: Outcome | undefined;
  /** Seconds from the call's arrival. */
  timeToFirstByte: number | undefined;
  duration: number | undefined;
  /** Body bytes sent to the client. */
  bytes: number;
  promptTokens: number | undefined;
  completionTokens: number | undefined;
}

/** Writes the one line that a call leaves in the log. */
export function logRecord(log: Log, record: RequestRecord): void {
  const failed = (record.status ?? 0) >= 500 || record.code?.startsWith("upstream_") === true;
  if (!log.isEnabledFor(failed ? "warn" : "info")) return;
  const { outcome } = record;
  log.line(failed ? "warn" : "info", failed ? "call failed" : "call", {
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
    outcome: outcome?.kind,
    phase: outcome !== undefined && "phase" in outcome ? outcome.phase : undefined,
    ttfb_s: round(record.timeToFirstByte),
    duration_s: round(record.duration),
    bytes: record.bytes,
    prompt_tokens: record.promptTokens,
    completion_tokens: record.completionTokens,
  });
}

function round(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e4) / 1e4;
}
