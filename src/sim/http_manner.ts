import type { HttpError } from "./http_error.ts";
import { type HttpHead, parseHead } from "./http_head.ts";
import type { WholeReply } from "./http_reply.ts";

/** What differs from one HTTP server to another. */
export interface HttpManner {
  /** Reads a request's head; throws an `HttpError` for what it does not take. */
  parseHead(text: string): HttpHead;
  /** The headers that every answer begins with. */
  opening(): Record<string, string>;
  /** The headers of a stream of events, without its framing. */
  readonly events: Readonly<Record<string, string>>;
  /** How it spells the two headers about the connection. */
  readonly spelling: { readonly chunked: string; readonly close: string };
  /** What it says to a request that cannot be read. */
  malformed(error: HttpError): WholeReply;
  /** Whether a connection that was never used is closed like one that idles after an answer. */
  readonly closesUnused: boolean;
}

/** The manner of the OpenAI-like engine: as little as HTTP asks for. */
export const PLAIN: HttpManner = {
  parseHead,
  opening: () => ({}),
  events: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  spelling: { chunked: "transfer-encoding: chunked", close: "connection: close" },
  malformed({ status, message }): WholeReply {
    const error = { message, type: "invalid_request_error", param: null, code: null };
    return { status, body: JSON.stringify({ error }) };
  },
  closesUnused: true,
};
