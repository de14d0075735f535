import type { Outcome } from "../outcome.ts";
import type { Log } from "./log.ts";
import type { AttemptRecord, RequestRecord, Sink } from "./request_record.ts";

/** Writes the one line that a request leaves in the log. */
export function accessLog(log: Log): Sink {
  return (record) => {
    if (record.routed) writeCall(log, record);
    else if (record.code !== undefined) writeRefusal(log, record);
    else writePage(log, record);
  };
}

function writeCall(log: Log, record: RequestRecord): void {
  const failed = (record.status ?? 0) >= 500 || record.code?.startsWith("upstream_") === true;
  if (!log.isEnabledFor(failed ? "warn" : "info")) return;
  const { attempts, outcome } = record;
  const told = record.answered ?? attempts.at(-1);
  const others = attempts.filter((attempt) => attempt !== told && attempt.next !== "pass");
  log.line(failed ? "warn" : "info", failed ? "call failed" : "call", {
    request_id: record.requestId,
    method: record.method,
    path: record.path,
    client: record.client,
    model: record.model,
    stream: record.stream,
    backend: told?.backend,
    attempts: attempts.length,
    failed_attempts: others.length > 0 ? others.map(shownAttempt) : undefined,
    resent: record.resent === 0 ? undefined : record.resent,
    queued_s: round(record.queued),
    status: record.status,
    code: record.code,
    outcome: outcome?.kind,
    phase: phaseOf(outcome),
    ended: record.ended,
    ttfb_s: round(record.timeToFirstByte),
    duration_s: round(record.duration),
    bytes: record.bytes,
    prompt_tokens: record.promptTokens,
    completion_tokens: record.completionTokens,
  });
}

function writeRefusal(
  log: Log,
  { requestId, method, path, client, status, code }: RequestRecord,
): void {
  log.info("refused", { request_id: requestId, method, path, client, status, code });
}

function writePage(log: Log, { requestId, path, client, status }: RequestRecord): void {
  log.debug("page", { request_id: requestId, path, client, status });
}

/** `a:broke/head`, `b:503`. */
function shownAttempt({ backend, outcome }: AttemptRecord): string {
  if (outcome?.kind === "completed") return `${backend}:${outcome.status}`;
  const phase = phaseOf(outcome);
  return `${backend}:${outcome?.kind}${phase === undefined ? "" : `/${phase}`}`;
}

function phaseOf(outcome: Outcome | undefined): string | undefined {
  return outcome !== undefined && "phase" in outcome ? outcome.phase : undefined;
}

function round(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e4) / 1e4;
}
