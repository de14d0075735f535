import { BreakableStream } from "../sse/breakable_stream.ts";
import { encodeErrorEvent } from "../sse/encode.ts";
import { EventStream } from "../sse/event_stream.ts";
import { type Usage, usageAtEnd, UsageTap } from "../sse/usage_tap.ts";
import { UpstreamError } from "../upstream/upstream_error.ts";
import type { Answer } from "./attempt.ts";
import { classify } from "./classify.ts";
import type { Exchange } from "./exchange.ts";

/** Statuses whose answers have no body (Fetch, section 2.2.3). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** How long a client that reads nothing can hold up the last event of a broken stream, milliseconds. */
const LAST_WORD_MS = 5000;

export interface RideOptions {
  exchange: Exchange;
  backend: string;
  maxEvent: number;
}

/** Whether all of an answer's body is here, or it has none. */
export function isWhole({ first, body, status }: Answer): boolean {
  return first === undefined || body.done || NO_BODY.has(status);
}

/**
 * The body for the client. The exchange rides on it: it ends when the body does, well or badly.
 * An answer that is already complete goes out as it is; any other through one stream, which is an
 * `EventStream` if the answer is one.
 */
export function rideTo(
  answer: Answer,
  options: RideOptions,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null {
  const { exchange, maxEvent } = options;
  const { first, body, status } = answer;
  if (NO_BODY.has(status)) {
    body.cancel();
    exchange.end({ kind: "completed", status });
    exchange.peer.answered();
    return null;
  }
  const { events, encoded } = answer;
  if (isWhole(answer)) {
    exchange.record.bytes = first?.length ?? 0;
    if (first !== undefined && !encoded) noteUsage(exchange, wholeUsage(first, events));
    exchange.end({ kind: "completed", status });
    exchange.peer.answered();
    return (first ?? null) as Uint8Array<ArrayBuffer> | null;
  }
  exchange.deadlines.bodyBegan({ stream: events });
  if (!events || encoded) {
    const stream = new BreakableStream();
    pump(answer, stream, options);
    return stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>;
  }
  const tap = new UsageTap();
  const stream = new EventStream({ maxEvent, tap: tap.tap });
  pump(answer, stream, { ...options, tap });
  return stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Carries the body over piece by piece, never reading more than the client takes, and ends the
 * exchange. Never rejects.
 */
async function pump(
  answer: Answer,
  stream: BreakableStream,
  { exchange, backend, tap }: RideOptions & { tap?: UsageTap },
): Promise<void> {
  const { body, status } = answer;
  const { cutoff, deadlines, record } = exchange;
  const writer = stream.writable.getWriter();
  let writing = false;
  const onCut = (): void => {
    if (writing) stream.fail(cutoff.cause); // nobody takes the piece: nothing more can be said
  };
  cutoff.on(onCut);
  // A client that leaves while the backend is silent shows only here.
  writer.closed.catch(() => cutoff.cut("client_left"));
  try {
    let piece = answer.first;
    while (piece !== undefined) {
      deadlines.received();
      writing = true;
      if (cutoff.stopped) onCut(); // before anybody listened
      try {
        await writer.write(piece);
      } catch (error) {
        cutoff.cut("client_left");
        body.cancel();
        throw error;
      }
      writing = false;
      deadlines.sent();
      record.bytes += piece.length;
      piece = await body.read();
    }
    noteUsage(exchange, tap?.usage());
    exchange.end({ kind: "completed", status });
    await writer.close().catch(() => {}); // the client left with the last byte
  } catch (error) {
    await breakOff(error, { exchange, backend, writer, stream, events: answer.events });
  } finally {
    cutoff.off(onCut);
    if (cutoff.cause === "client_stalled") exchange.peer.cut();
    exchange.peer.answered({ unread: true });
  }
}

/** Ends a body so that no client can take it for a whole one (RFC 9112, section 8). */
async function breakOff(
  error: unknown,
  { exchange, backend, writer, stream, events }: {
    exchange: Exchange;
    backend: string;
    writer: WritableStreamDefaultWriter<Uint8Array>;
    stream: BreakableStream;
    /** Whether the body is an event stream, readable or not. */
    events: boolean;
  },
): Promise<void> {
  const { cutoff } = exchange;
  if (cutoff.cause === "client_left" || cutoff.cause === "client_stalled") {
    exchange.end({ kind: "client_left", phase: "body" });
  } else if (!(error instanceof UpstreamError)) {
    exchange.end({ kind: "router_failed" }, "internal");
  } else {
    const { outcome, error: told } = classify(error, { backend, cutoff, inStream: events });
    exchange.end(outcome, told.code);
    if (stream instanceof EventStream) {
      const openEvent = stream.discardPartial();
      const { message, type, code } = told;
      const said = writer.write(encodeErrorEvent({ message, type, code }, { openEvent }));
      await withinMs(said, LAST_WORD_MS);
    }
    // Deno 2.6 loses what is enqueued in the same turn as the error that follows it.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  stream.fail(error);
}

async function withinMs(done: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([done.catch(() => {}), late]);
  clearTimeout(timer);
}

function wholeUsage(bytes: Uint8Array, events: boolean): Usage | undefined {
  if (!events) return usageAtEnd(bytes);
  const tap = new UsageTap();
  tap.tap(bytes);
  return tap.usage();
}

function noteUsage({ record }: Exchange, usage: Usage | undefined): void {
  record.promptTokens = usage?.promptTokens;
  record.completionTokens = usage?.completionTokens;
}
