import { STATUS_CODE } from "@std/http/status";
import type { Config } from "../config/config.ts";

/** What an origin may ask, and read: pages of other origins than ours, in browsers (Fetch, section 3.3). */
type Cors = Config["cors"];

/** How long a browser need not ask again, seconds: the most that Chromium takes. */
const MAX_AGE_SECONDS = 7200;

/** What a page may read beside the headers that it always may. */
const EXPOSED = [
  "x-request-id",
  "x-infinilm-service",
  "x-infinilm-ignored",
  "x-infinilm-queued-ms",
  "x-should-retry",
  "retry-after",
  "retry-after-ms",
].join(", ");

/** A backend's own, which would stand beside ours. */
const OWN = ["origin", "credentials"].map((what) => `access-control-allow-${what}`);

/** Whether a request is a browser's question whether it may send another. */
export function isPreflight({ method, headers }: Request, { origins }: Cors): boolean {
  return method === "OPTIONS" &&
    headers.has("access-control-request-method") && allowed(headers, origins) !== undefined;
}

/** The answer to a preflight: these methods, and whatever headers were asked for. */
export function preflightResponse({ headers }: Request, methods: string): Response {
  const answer = new Headers({
    "access-control-allow-methods": methods,
    "access-control-max-age": String(MAX_AGE_SECONDS),
    vary: "access-control-request-method, access-control-request-headers",
  });
  // Not `*`: that does not cover `authorization`.
  const asked = headers.get("access-control-request-headers");
  if (asked !== null) answer.set("access-control-allow-headers", asked);
  return new Response(null, { status: STATUS_CODE.NoContent, headers: answer });
}

/** Lets the page that sent a request read its answer, if its origin may; whatever a backend said of that. */
export function share(answer: Headers, { headers }: Request, { origins }: Cors): void {
  for (const name of OWN) answer.delete(name);
  if (!origins.includes("*")) answer.append("vary", "origin");
  const origin = allowed(headers, origins);
  if (origin === undefined) return;
  answer.set("access-control-allow-origin", origin);
  answer.append("access-control-expose-headers", EXPOSED);
}

/** What is to be said of a request's origin; undefined if it has none, or none that is allowed. */
function allowed(headers: Headers, origins: readonly string[]): string | undefined {
  const origin = headers.get("origin");
  if (origin === null) return undefined;
  if (origins.includes("*")) return "*";
  return origins.includes(origin) ? origin : undefined;
}
