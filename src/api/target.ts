import { RouterError } from "../errors.ts";
import type { RequestHead } from "../proxy/request_head.ts";

/** What a request asks for, as it came on the wire: nothing is decoded or normalised. */
export interface Target {
  readonly path: string;
  /** From the `?` on, or empty. */
  readonly query: string;
}

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::([0-9]{0,5}))?$/;

const VISIBLE_ASCII = /^[\x21-\x7e]*$/;

const SCHEME = "http://";

const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
]);

/** The last Host that was found good: nearly every request has the same. */
let goodHost: string | undefined;

/**
 * Reads the target of a request without trusting `request.url`: Deno builds it from the Host header,
 * so that `Host: x/admin?` would change the path. Also refuses ambiguous framing. Whether a request may come
 * without a Host depends on what it asks for, so that is left to be judged.
 * Throws `RouterError` (`bad_request`, `not_implemented`).
 */
export function readTarget(request: Request, head: RequestHead): Target {
  const { host, transferEncoding, contentLength } = head;
  if (host !== undefined && host !== goodHost) goodHost = checkedHost(host);
  if (transferEncoding !== undefined) {
    if (transferEncoding.toLowerCase() !== "chunked") {
      throw new RouterError(
        "not_implemented",
        `transfer-encoding must be chunked, received ${JSON.stringify(transferEncoding)}`,
      );
    }
    if (contentLength !== undefined) {
      throw new RouterError(
        "bad_request",
        "content-length and transfer-encoding exclude each other",
      );
    }
  }
  const { method, url } = request;
  if (!METHODS.has(method)) {
    throw new RouterError(
      "not_implemented",
      `unknown method ${JSON.stringify(method.slice(0, 80))}`,
    );
  }
  const target = host === undefined
    ? url.slice(url.indexOf("/", SCHEME.length))
    : behindHost(url, goodHost!);
  // Deno decodes raw UTF-8 in a target; as Latin-1 towards a backend, some of it would be CR and LF.
  if (!VISIBLE_ASCII.test(target)) {
    throw new RouterError("bad_request", "the request target must be plain ASCII, percent-encoded");
  }
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, query: "" }
    : { path: target.slice(0, mark), query: target.slice(mark) };
}

function checkedHost(host: string): string {
  const port = HOST.exec(host);
  // Deno 2.6 joins two Host headers with a comma, which is no host either.
  if (port === null || Number(port[1] ?? 0) > 65535) throw hostNeeded(host);
  return host;
}

/** The error for a Host that is none, or is not there (RFC 9112, section 3.2). */
export function hostNeeded(host: string | undefined): RouterError {
  const received = host === undefined ? "none" : JSON.stringify(host.slice(0, 80));
  return new RouterError(
    "bad_request",
    `one Host header with a host and port is needed, received ${received}`,
  );
}

function behindHost(url: string, host: string): string {
  if (!url.startsWith(host, SCHEME.length)) checkSameHost(url, host);
  const at = SCHEME.length + host.length;
  if (url[at] !== "/") throw otherHost();
  return url.slice(at);
}

function checkSameHost(url: string, host: string): void {
  const named = url.slice(SCHEME.length, SCHEME.length + host.length);
  if (named.toLowerCase() !== host.toLowerCase()) throw otherHost();
}

function otherHost(): RouterError {
  return new RouterError(
    "bad_request",
    "the request target names another host than the Host header",
  );
}
