import { RouterError } from "../errors.ts";
import type { Header } from "../upstream/response_head.ts";
import type { RequestHead } from "./request_head.ts";

/** Not passed to a client: meaningful for one hop only (RFC 9110, section 7.6.1), or ours to set. */
const RESPONSE_NOT_PASSED: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "x-request-id",
  "x-infinilm-service",
  "x-infinilm-queued-ms",
  "x-accel-buffering",
]);

/** What `Connection` may not take away: dropping these would change what the request means. */
const END_TO_END: ReadonlySet<string> = new Set([
  "authorization",
  "content-type",
  "content-encoding",
  "content-length",
  "host",
  "x-request-id",
]);

export interface RequestHeaderOptions {
  requestId: string;
  /** The peer's address, appended to `x-forwarded-for`. */
  client: string;
  /** What this router calls itself in `via`. */
  routerId: string;
  /** What backends are told of compression: nothing of it, or what the client says. */
  compression: "identity" | "pass";
}

/**
 * The client's headers as a backend gets them. Throws `RouterError` (`bad_request`) if `Connection`
 * names a header that must reach the backend.
 */
export function requestHeaders(
  head: RequestHead,
  { requestId, client, routerId, compression }: RequestHeaderOptions,
): Header[] {
  const { connection, passing, acceptEncoding, forwardedFor, via } = head;
  if (via?.includes(routerId)) throw loopDetected();
  const named = connection === undefined ? undefined : namedByClient(connection);
  const out = named === undefined ? passing : passing.filter(([name]) => !named.has(name));
  // Real clients all name gzip, and of a compressed stream no event can be seen.
  const wish = compression === "pass" && !named?.has("accept-encoding")
    ? acceptEncoding
    : undefined;
  out.push(["accept-encoding", wish ?? "identity"]);
  out.push(["x-forwarded-for", forwardedFor ? `${forwardedFor}, ${client}` : client]);
  out.push(["x-request-id", requestId]);
  // A gateway must say that it was there (RFC 9110, section 7.6.3).
  out.push(["via", via === undefined ? `1.1 ${routerId}` : `${via}, 1.1 ${routerId}`]);
  return out;
}

/** Routers that have each other as backends would multiply a call for as long as there is room for one. */
function loopDetected(): RouterError {
  return new RouterError(
    "loop_detected",
    "this call has been here before: a backend of this router leads back to it",
    {
      retryAfter: 1,
    },
  );
}

function namedByClient(connection: string): ReadonlySet<string> {
  const named = tokens(connection);
  for (const name of named) {
    if (END_TO_END.has(name)) {
      throw new RouterError("bad_request", `the Connection header must not name ${name}`);
    }
  }
  return named;
}

/** The same headers for a backend that has a key of its own. */
export function withApiKey(
  headers: readonly Header[],
  apiKey: string | undefined,
): readonly Header[] {
  if (apiKey === undefined) return headers;
  const others = headers.filter(([name]) => name !== "authorization");
  return [...others, ["authorization", `Bearer ${apiKey}`]];
}

export interface AnswerHeaderOptions {
  requestId: string;
  /** Who answered. */
  backend: string;
  /** Whether the body is server-sent events. */
  events: boolean;
  /** Whether the body goes out as one piece, whose length the server writes by itself. */
  whole: boolean;
  /** Parameters that the engine did not look at. */
  ignored?: readonly string[] | undefined;
  /** Seconds that the call waited for a backend with room; undefined if it did not. */
  queued?: number | undefined;
}

/** A backend's headers as the client gets them. */
export function answerHeaders(
  headers: readonly Header[],
  { requestId, backend, events, whole, ignored, queued }: AnswerHeaderOptions,
): HeadersInit {
  const named = namedByConnection(headers);
  const out: [string, string][] = [];
  let caching = "";
  let length = events || whole; // a stream that breaks ends in an event that its length does not count
  for (const header of headers) {
    const [name, value] = header;
    if (RESPONSE_NOT_PASSED.has(name) || named?.has(name)) continue;
    if (name === "cache-control") caching += value === "" ? "" : `${value}, `;
    else if (name !== "content-length") out.push(header as [string, string]);
    else if (!length) {
      out.push([name, value.split(",")[0]!.trim()]);
      length = true;
    }
  }
  if (events) {
    out.push(["cache-control", "no-store"]);
    out.push(["x-accel-buffering", "no"]); // nginx would collect the events
  } else {
    // Else Deno 2.8 compresses it on the way. One line: it does not look at a second.
    out.push(["cache-control", `${caching}no-transform`]);
  }
  out.push(["x-request-id", requestId], ["x-infinilm-service", backend]);
  if (ignored !== undefined && ignored.length > 0) {
    out.push(["x-infinilm-ignored", ignored.join(", ")]);
  }
  if (queued !== undefined) out.push(["x-infinilm-queued-ms", String(Math.round(queued * 1000))]);
  return asObject(out) ?? out;
}

/**
 * A plain object is what Deno takes fastest (6 % of a small call); only pairs can repeat a name, or
 * have one that objects have from birth.
 */
function asObject(pairs: readonly Header[]): Record<string, string> | undefined {
  const names: Record<string, string> = {};
  for (const [name, value] of pairs) {
    if (names[name] !== undefined) return undefined;
    names[name] = value;
  }
  return names;
}

function namedByConnection(headers: readonly Header[]): Set<string> | undefined {
  let all: string | undefined;
  for (const [name, value] of headers) {
    if (name === "connection") all = all === undefined ? value : `${all},${value}`;
  }
  return all === undefined ? undefined : tokens(all);
}

function tokens(value: string): Set<string> {
  return new Set(value.toLowerCase().split(",").map((token) => token.trim()));
}
