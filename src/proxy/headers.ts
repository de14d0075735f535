import { RouterError } from "../errors.ts";
import type { Header } from "../upstream/response_head.ts";

/** Meaningful for one hop only (RFC 9110, section 7.6.1), or made anew for each. */
const HOP_BY_HOP = new Set([
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
]);

/** Ours to set, towards a backend. */
const REQUEST_OWN = new Set([
  "host",
  "content-length",
  "expect",
  "x-request-id",
  "x-forwarded-for",
]);

/** Ours to set, towards a client. */
const RESPONSE_OWN = new Set(["x-request-id", "x-infinilm-service", "x-accel-buffering"]);

/** What `Connection` may not take away: dropping these would change what the request means. */
const END_TO_END = new Set([
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
}

/**
 * The client's headers as a backend gets them. Throws `RouterError` (`bad_request`) if `Connection`
 * names a header that must reach the backend.
 */
export function requestHeaders(
  headers: Headers,
  { requestId, client }: RequestHeaderOptions,
): Header[] {
  const named = connectionTokens(headers.get("connection"));
  for (const name of named) {
    if (END_TO_END.has(name)) {
      throw new RouterError("bad_request", `the Connection header must not name ${name}`);
    }
  }
  const out: Header[] = [];
  for (const [name, value] of headers) {
    if (HOP_BY_HOP.has(name) || REQUEST_OWN.has(name) || named.has(name)) continue;
    out.push([name, value]);
  }
  // Without this some engines compress, and a relay that must see events could not.
  if (!out.some(([name]) => name === "accept-encoding")) out.push(["accept-encoding", "identity"]);
  const before = headers.get("x-forwarded-for");
  out.push(["x-forwarded-for", before ? `${before}, ${client}` : client]);
  out.push(["x-request-id", requestId]);
  return out;
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

/** A backend's headers as the client gets them. `content-length` stays: the body is not changed. */
export function responseHeaders(headers: readonly Header[]): [string, string][] {
  const named = connectionTokens(
    headers.filter(([name]) => name === "connection").map(([, value]) => value).join(","),
  );
  const out: [string, string][] = [];
  let length = false;
  for (const [name, value] of headers) {
    if (HOP_BY_HOP.has(name) || RESPONSE_OWN.has(name) || named.has(name)) continue;
    if (name === "content-length") {
      if (!length) out.push([name, value.split(",")[0]!.trim()]);
      length = true;
    } else out.push([name, value]);
  }
  return out;
}

function connectionTokens(value: string | null): Set<string> {
  if (value === null || value === "") return new Set();
  return new Set(value.toLowerCase().split(",").map((token) => token.trim()));
}
