import { concat } from "../concat.ts";
import type { HttpManner } from "./http_manner.ts";

const STATUS_TEXT: Record<number, string> = {
  200: "OK",
  307: "Temporary Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

const CRLF = new Uint8Array([13, 10]);
const encoder = new TextEncoder();

/** What a reply needs of the connection it goes to. */
export interface ReplyLine {
  /** Writes all of it, in one call to the socket. Rejects with the signal's reason once it ended. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes the connection at once, in order (FIN). */
  cut(): void;
  /** Breaks the connection (RST) if bytes of the request are still unread, else closes it. */
  reset(): Promise<void>;
  /** Aborted when the client leaves or the server stops. */
  readonly signal: AbortSignal;
  /** Whether another request may follow on this connection. */
  keepAlive(): boolean;
  /** Whether the client understands chunks (HTTP/1.1); else the close ends a stream. */
  chunked(): boolean;
  readonly manner: HttpManner;
}

/** A status, the body, and headers of its own; JSON unless they say otherwise. */
export interface WholeReply {
  status: number;
  headers?: Record<string, string>;
  body: string;
  /** Bytes of the body to write, of all those announced. Default: all. */
  bytes?: (announced: number) => number;
  /** With no headers but these: neither the server's opening nor a length. */
  bare?: boolean;
}

/** The answer to one request: whole, as a stream of events, or broken in some way. */
export class HttpReply {
  readonly #line: ReplyLine;

  constructor(line: ReplyLine) {
    this.#line = line;
  }

  /** Aborted when the client leaves or the server stops: nothing needs to be answered any more. */
  get signal(): AbortSignal {
    return this.#line.signal;
  }

  /** Writes head and body at once. */
  whole(reply: WholeReply): Promise<void> {
    const body = encoder.encode(reply.body);
    const length = { "content-length": String(body.length), "content-type": "application/json" };
    const head = reply.bare
      ? this.#head(reply.status, { ...reply.headers })
      : this.#head(reply.status, {
        ...this.#line.manner.opening(),
        ...(reply.body === "" ? { "content-length": "0" } : length),
        ...reply.headers,
      });
    return this.#line.write(concat([head, body.subarray(0, reply.bytes?.(body.length))]));
  }

  /** Writes the head of a stream of events. */
  beginEvents(): Promise<void> {
    const { manner } = this.#line;
    const framing = this.#line.chunked() ? [manner.spelling.chunked] : [];
    return this.#line.write(
      this.#head(200, { ...manner.opening(), ...manner.events }, framing),
    );
  }

  /** Writes one event, in one chunk and one write: what is due at one time leaves at that time. */
  event(data: string): Promise<void> {
    const event = encoder.encode(`data: ${data}\n\n`);
    if (!this.#line.chunked()) return this.#line.write(event);
    return this.#line.write(
      concat([encoder.encode(`${event.length.toString(16)}\r\n`), event, CRLF]),
    );
  }

  /** Ends the stream of events as HTTP wants it. */
  async endEvents(): Promise<void> {
    if (this.#line.chunked()) await this.#line.write(encoder.encode("0\r\n\r\n"));
  }

  /** Closes the connection where it stands. */
  cut(): void {
    this.#line.cut();
  }

  /** Breaks the connection where it stands; the request's body must not be read to its end. */
  reset(): Promise<void> {
    return this.#line.reset();
  }

  #head(status: number, headers: Record<string, string>, more: string[] = []): Uint8Array {
    const lines = [...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), ...more];
    if (!this.#line.keepAlive()) lines.push(this.#line.manner.spelling.close);
    const first = `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? "Unknown"}`;
    return encoder.encode([first, ...lines, "\r\n"].join("\r\n"));
  }
}
