import type { Header } from "../upstream/response_head.ts";
import { valueOf } from "./answer.ts";

/** Seconds, or a date (RFC 9110, section 10.2.3). */
const SECONDS = /^\d{1,9}$/;
const DATE = /^[A-Z][a-z]{2,8}, [\x20-\x7e]{10,40}$/;

/** Whether a `retry-after` says anything. */
export function isRetryAfter(value: string): boolean {
  return SECONDS.test(value) || DATE.test(value);
}

/**
 * When a backend says that it may be asked again, milliseconds from now; undefined if it does not.
 * `retry-after-ms` is what OpenAI's servers and SDKs know besides.
 */
export function comesBackIn(
  headers: readonly Header[],
  wallNow: () => number = Date.now,
): number | undefined {
  const ms = valueOf(headers, "retry-after-ms");
  if (SECONDS.test(ms)) return Number(ms);
  const value = valueOf(headers, "retry-after");
  if (SECONDS.test(value)) return Number(value) * 1000;
  const at = DATE.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - wallNow());
}
