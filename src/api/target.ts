import { RouterError } from "../errors.ts";

/** What a request asks for, as it came on the wire: nothing is decoded or normalised. */
export interface Target {
  readonly path: string;
  /** From the `?` on, or empty. */
  readonly query: string;
}

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::([0-9]{1,5}))?$/;

const VISIBLE_ASCII = /^[\x21-\x7e]*$/;

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

/**
 * Reads the target of a request without trusting `request.url`: Deno builds it from the Host header,
 * so that `Host: x/admin?` would change the path. Also refuses ambiguous framing.
 * Throws `RouterError` (`bad_request`, `not_implemented`).
 */
export function readTarget(request: Request): Target {
  const { headers } = request;
  const host = headers.get("host");
  const port = host === null ? undefined : HOST.exec(host);
  // Deno 2.6 joins two Host headers with a comma, which is no host either.
  if (!port || Number(port[1] ?? 0) > 65535) {
    const received = host === null ? "none" : JSON.stringify(host.slice(0, 80));
    throw new RouterError(
      "bad_request",
      `one Host header with a host and port is needed, received ${received}`,
    );
  }
  const coding = headers.get("transfer-encoding");
  if (coding !== null) {
    if (coding.toLowerCase() !== "chunked") {
      throw new RouterError(
        "not_implemented",
        `transfer-encoding must be chunked, received ${JSON.stringify(coding)}`,
      );
    }
    if (headers.has("content-length")) {
      throw new RouterError(
        "bad_request",
        "content-length and transfer-encoding exclude each other",
      );
    }
  }
  if (!METHODS.has(request.method)) {
    throw new RouterError("not_implemented", `unknown method ${JSON.stringify(request.method)}`);
  }
  const rest = request.url.slice("http://".length);
  if (
    rest.slice(0, host!.length).toLowerCase() !== host!.toLowerCase() || rest[host!.length] !== "/"
  ) {
    throw new RouterError(
      "bad_request",
      "the request target names another host than the Host header",
    );
  }
  const target = rest.slice(host!.length);
  // Deno decodes raw UTF-8 in a target; as Latin-1 towards a backend, some of it would be CR and LF.
  if (!VISIBLE_ASCII.test(target)) {
    throw new RouterError("bad_request", "the request target must be plain ASCII, percent-encoded");
  }
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, query: "" }
    : { path: target.slice(0, mark), query: target.slice(mark) };
}
