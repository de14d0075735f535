import { HttpError } from "./http_error.ts";

/** What a request's head says. */
export interface HttpHead {
  method: string;
  /** What was asked for, as it came. */
  target: string;
  version: "1.0" | "1.1";
  /** The path without its query. */
  path: string;
  /** Names in lower case; repeated headers are joined by a comma. */
  headers: Record<string, string>;
  /** Length of the body in bytes, or that it comes in chunks. */
  bodyLength: number | "chunked";
  /** Whether the connection serves another request afterwards. */
  keepAlive: boolean;
}

/** Bodies are bounded by this many bytes. */
export const MAX_BODY = 64 * 1024 * 1024;

const REQUEST_LINE = /^([A-Z]+) (\/[^ ]*) HTTP\/1\.1$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** Reads a head; throws an `HttpError` 400 or 413 for what a sane client does not send. */
export function parseHead(text: string): HttpHead {
  const [requestLine = "", ...headerLines] = text.split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === undefined || target === undefined) {
    throw new HttpError(400, "The request line is malformed");
  }
  return readHead({ method, target, headerLines });
}

/** Reads what follows the request line; `framing` says which headers tell the body's length. */
export function readHead(
  { method, target, headerLines }: { method: string; target: string; headerLines: string[] },
  { framing = (headers) => headers }: {
    framing?: (headers: Record<string, string>) => Record<string, string>;
  } = {},
): HttpHead {
  const headers: Record<string, string> = {};
  for (const line of headerLines) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      throw new HttpError(400, "A header is malformed");
    }
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  return {
    method,
    target,
    version: "1.1",
    path: target.split("?", 1)[0] ?? target,
    headers,
    bodyLength: bodyLength(framing(headers)),
    keepAlive: headers.connection?.toLowerCase() !== "close",
  };
}

function bodyLength(headers: Record<string, string>): number | "chunked" {
  const coding = headers["transfer-encoding"];
  const length = headers["content-length"];
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked" || length !== undefined) {
      throw new HttpError(400, "The length of the body is unclear");
    }
    return "chunked";
  }
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) throw new HttpError(400, "The content-length is malformed");
  if (Number(length) > MAX_BODY) throw new HttpError(413, "The body is too large");
  return Number(length);
}
