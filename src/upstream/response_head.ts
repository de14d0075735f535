import { isAscii } from "node:buffer";
import { UpstreamError } from "./upstream_error.ts";

/** One header line: the name in lower case, the value as Latin-1 text. */
export type Header = readonly [name: string, value: string];

/** How the end of a body is told (RFC 9112, section 6.3). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until_close" };

export interface ResponseHead {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly framing: Framing;
  /** Whether the connection may serve another exchange once the body has ended. */
  readonly keepAlive: boolean;
  /** How long the server says it will keep the connection idle, milliseconds; if it says so. */
  readonly keepAliveMs: number | undefined;
}

/** Heads beyond this are refused; uvicorn, hyper and Go all stay far below. */
export const MAX_HEAD_BYTES = 64 * 1024;
const MAX_HEADERS = 256;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What the web calls latin1; one native call; measured, it halves the time of a short head. */
const windows1252 = new TextDecoder("latin1");
const KEEP_ALIVE_TIMEOUT = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,9})/i;
/** Three times as fast as the other, for what nearly every head is. */
const ascii = new TextDecoder();
const BEYOND_LATIN1 = /[^\0-\xff]/;

const NO_TOKENS: readonly string[] = [];

const CR = 13;
const LF = 10;

/**
 * Where a head that starts at `from` ends: the index after its blank line, or -1 if that has not
 * come yet. `scanned` is how far an earlier call has looked. Throws `UpstreamError` of kind
 * `bad_answer` at a bare LF: the blank line that ends such a head would never come.
 */
export function findHeadEnd(
  bytes: Uint8Array,
  { from, to, scanned }: { from: number; to: number; scanned: number },
): number {
  let at = Math.max(from, scanned - 3);
  for (;;) {
    at = bytes.indexOf(LF, at);
    if (at === -1 || at >= to) return -1;
    if (at === from || bytes[at - 1] !== CR) throw bad("bare LF");
    if (at - from >= 3 && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
    at++;
  }
}

/**
 * Parses a whole head, blank line included. Strict where leniency lets two parsers disagree about
 * where an answer ends: no obs-fold, no bare CR or LF, no conflicting lengths.
 * Throws `UpstreamError` of kind `bad_answer`.
 */
export function parseResponseHead(bytes: Uint8Array, method: string): ResponseHead {
  const lines = latin1(bytes).split("\r\n");
  const first = STATUS_LINE.exec(lines[0]!);
  if (first === null) throw bad(`invalid status line ${quote(lines[0]!)}`);
  const status = Number(first[2]);
  const headers: Header[] = [];
  let length: number | undefined;
  let transferEncoding: string | undefined;
  let connection = "";
  let keepAliveMs: number | undefined;
  // The two empty strings at the end are the blank line.
  for (let i = 1; i < lines.length - 2; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(":");
    if (colon === -1 || !NAME.test(line.slice(0, colon))) {
      throw bad(`invalid header line ${quote(line)}`);
    }
    const name = line.slice(0, colon).toLowerCase();
    const value = trimBlanks(line, colon + 1);
    if (!VALUE.test(value)) throw bad(`invalid character in the value of header ${name}`);
    if (name === "content-length") length = contentLength(value, length);
    else if (name === "transfer-encoding") {
      transferEncoding = transferEncoding === undefined ? value : `${transferEncoding}, ${value}`;
    } else if (name === "connection") connection += `,${value.toLowerCase()}`;
    else if (name === "keep-alive") keepAliveMs = keepAliveTimeout(value) ?? keepAliveMs;
    headers.push([name, value]);
  }
  if (headers.length > MAX_HEADERS) throw bad(`more than ${MAX_HEADERS} header lines`);
  const http10 = first[1] === "0";
  const framing = framingOf({ status, method, length, transferEncoding, http10 });
  const tokens = connection === "" ? NO_TOKENS : connection.split(",").map((token) => token.trim());
  const keepAlive = framing.kind !== "until_close" && !tokens.includes("close") &&
    (!http10 || tokens.includes("keep-alive"));
  return { status, headers, framing, keepAlive, keepAliveMs };
}

function framingOf(
  { status, method, length, transferEncoding, http10 }: {
    status: number;
    method: string;
    length: number | undefined;
    transferEncoding: string | undefined;
    http10: boolean;
  },
): Framing {
  if (transferEncoding !== undefined) {
    if (length !== undefined) throw bad("both content-length and transfer-encoding");
    if (http10) throw bad("transfer-encoding in an HTTP/1.0 answer");
    if (transferEncoding.toLowerCase() !== "chunked") {
      throw bad(`transfer-encoding ${quote(transferEncoding)}, only chunked is known`);
    }
  }
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return { kind: "none" };
  }
  if (transferEncoding !== undefined) return { kind: "chunked" };
  if (length !== undefined) return { kind: "length", bytes: length };
  return { kind: "until_close" };
}

/** Repeated equal lengths are one length (RFC 9110, section 8.6); different ones are an attack. */
function contentLength(value: string, before: number | undefined): number {
  let length = before;
  for (const part of value.split(",")) {
    const text = part.trim();
    if (!/^[0-9]{1,15}$/.test(text)) throw bad(`invalid content-length ${quote(value)}`);
    const number = Number(text);
    if (length !== undefined && length !== number) throw bad("conflicting content-length");
    length = number;
  }
  return length!;
}

/** Whole seconds, by custom: RFC 2068, section 19.7.1.1, leaves the header's parameters open. */
function keepAliveTimeout(value: string): number | undefined {
  const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** What is left of a line from `start` without the blanks at both ends. */
function trimBlanks(line: string, start: number): string {
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (start < end && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Bytes as code points 0-255: what a header is on the wire, and what `Headers` takes. */
function latin1(bytes: Uint8Array): string {
  if (isAscii(bytes)) return ascii.decode(bytes);
  const text = windows1252.decode(bytes);
  if (!BEYOND_LATIN1.test(text)) return text; // the two differ from 0x80 to 0x9f only
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function bad(message: string): UpstreamError {
  return new UpstreamError("bad_answer", message, { phase: "head" });
}
