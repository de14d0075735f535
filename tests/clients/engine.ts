import { chunk, jsonAnswer, STREAM_HEAD } from "../support/engine_peer.ts";
import type { PeerConnection } from "../support/raw_peer.ts";

/** What engines of one API say, as they say it. */
export interface Speech {
  /** A whole answer with this text. */
  readonly answer: (text: string) => unknown;
  /** A whole answer that calls `weather` for Wien. */
  readonly toolCall: unknown;
  /** The events of a stream, up to its end. */
  readonly events: (texts: readonly string[]) => readonly string[];
  /** How many of them come after the last text. */
  readonly closing: number;
  /** The same for a tool call, its arguments in pieces. */
  readonly toolCallEvents: readonly string[];
  readonly error: (message: string) => unknown;
  /** An error as the last event of a stream. */
  readonly errorEvent: (message: string) => string;
}

/** How an engine answers one call. */
export type Reply = (conn: PeerConnection) => Promise<unknown>;

export function json(value: unknown): Reply {
  return (conn) => conn.write(jsonAnswer(value));
}

/** An answer of which the connection breaks within the JSON. */
export function brokenJson(value: unknown): Reply {
  const whole = jsonAnswer(value);
  return async (conn) => {
    await conn.write(whole.slice(0, -10));
    conn.close();
  };
}

export function refusal(status: string, body: unknown, headers: readonly string[] = []): Reply {
  return (conn) => conn.write(jsonAnswer(body, { status, headers }));
}

/** An error page as a proxy before an engine writes it. */
export function page(status: string): Reply {
  const html = `<html><body><h1>${status}</h1></body></html>`;
  const head = `content-type: text/html\r\ncontent-length: ${html.length}`;
  return (conn) => conn.write(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${html}`);
}

/** A stream to its end. */
export function stream(events: readonly string[]): Reply {
  return async (conn) => {
    await openStream(events)(conn);
    await conn.write(chunk());
  };
}

/** A stream to its end, silent for so many milliseconds before each event. */
export function slowStream(events: readonly string[], ms: number): Reply {
  return async (conn) => {
    await conn.write(STREAM_HEAD);
    for (const event of events) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      await conn.write(chunk(event));
    }
    await conn.write(chunk());
  };
}

/** A stream that breaks within an event. */
export function brokenStream(events: readonly string[]): Reply {
  return async (conn) => {
    await openStream([...events, "data: {"])(conn);
    conn.close();
  };
}

/** A stream that says no more. */
export function openStream(events: readonly string[]): Reply {
  return async (conn) => {
    await conn.write(STREAM_HEAD);
    for (const event of events) await conn.write(chunk(event));
  };
}
