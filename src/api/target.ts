import { RouterError } from "../errors.ts";
import type { RequestHead } from "../proxy/request_head.ts";

/** What a request asks for, as it came on the wire: nothing is decoded or normalised. */
export interface Target {
  readonly path: string;
  /** From the `?` on, or empty. */
  readonly query: string;
}

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::([0-9]{1,5}))?$/;

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
 * so that `Host: x/admin?` would change the path. Also refuses ambiguous framing.
 * Throws `RouterError` (`bad_request`, `not_implemented`).
 */
export function readTarget(request: Request, head: RequestHead): Target {
  const { host, transferEncoding, contentLength } = head;
  if (host === undefined || host !== goodHost) goodHost = checkedHost(host);
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
    throw new RouterError("not_implemented", `unknown method ${JSON.stringify(method)}`);
  }
  const at = SCHEME.length + goodHost.length;
  if (!url.startsWith(goodHost, SCHEME.length)) checkSameHost(url, goodHost);
  if (url[at] !== "/") throw otherHost();
  const target = url.slice(at);
  // Deno decodes raw UTF-8 in a target; as Latin-1 towards a backend, some of it would be CR and LF.
  if (!VISIBLE_ASCII.test(target)) {
    throw new RouterError("bad_request", "the request target must be plain ASCII, percent-encoded");
  }
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, query: "" }
    : { path: target.slice(0, mark), query: target.slice(mark) };
}

function checkedHost(host: string | undefined): string {
  const port = host === undefined ? undefined : HOST.exec(host);
  // Deno 2.6 joins two Host headers with a comma, which is no host either.
  if (!port || Number(port[1] ?? 0) > 65535) {
    const received = host === undefined ? "none" : JSON.stringify(host.slice(0, 80));
    throw new RouterError(
      "bad_request",
      `one Host header with a host and port is needed, received ${received}`,
    );
  }
  return host!;
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
