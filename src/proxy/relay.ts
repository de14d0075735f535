import type { Endpoint } from "../engine/endpoints.ts";
import { type Usage, usageAtEnd, UsageTap } from "../sse/usage_tap.ts";
import type { Answer } from "./answer.ts";
import { breakOff, LAST_WORD_MS } from "./break_off.ts";
import { BreakableStream } from "./breakable_stream.ts";
import { EventStream } from "./event_stream.ts";
import { isClients } from "./cutoff.ts";
import type { Exchange } from "./exchange.ts";

/** Statuses whose answers have no body (Fetch, section 2.2.3). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

export interface RelayOptions {
  exchange: Exchange;
  backend: string;
  endpoint: Endpoint;
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
export function relay(
  answer: Answer,
  options: RelayOptions,
): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null {
  const { exchange } = options;
  const { first, body, status } = answer;
  if (NO_BODY.has(status)) {
    body.cancel();
    exchange.end({ kind: "completed", status });
    exchange.peer.answered();
    return null;
  }
  const { events, encoded, chunks, dialect } = answer;
  if (isWhole(answer)) {
    const translate = first !== undefined && events && !encoded ? dialect.stream?.() : undefined;
    const whole = translate === undefined ? first : translate(first!);
    exchange.record.bytes = whole?.length ?? 0;
    if (whole !== undefined && !encoded) noteUsage(exchange, wholeUsage(whole, events));
    exchange.end({ kind: "completed", status });
    exchange.peer.answered();
    return (whole ?? null) as Uint8Array<ArrayBuffer> | null;
  }
  exchange.deadlines.bodyBegan({ stream: events });
  const { record } = exchange;
  if (chunks === undefined || first === undefined) {
    const stream = new BreakableStream({
      transform(bytes, controller): void {
        record.bytes += bytes.length;
        controller.enqueue(bytes);
      },
    });
    pump(answer, stream, options);
    return stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>;
  }
  const tap = new UsageTap();
  const translate = dialect.stream?.();
  const count = (events: Uint8Array): Uint8Array => {
    record.bytes += events.length;
    return tap.tap(events);
  };
  const stage = translate === undefined
    ? count
    : (events: Uint8Array): Uint8Array => count(translate(events));
  const stream = new EventStream({ chunks, stage });
  stream.cut(first);
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
  { exchange, backend, endpoint, tap }: RelayOptions & { tap?: UsageTap },
): Promise<void> {
  const { body, status } = answer;
  const { cutoff, deadlines } = exchange;
  const writer = stream.writable.getWriter();
  let writing = false;
  let lastWord: ReturnType<typeof setTimeout> | undefined;
  const onCut = (): void => {
    if (!writing) return;
    // A client that takes its pieces is to hear why it gets no more.
    if (isClients(cutoff.cause)) stream.fail(cutoff.cause);
    else lastWord ??= setTimeout(() => stream.fail(cutoff.cause), LAST_WORD_MS);
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
      piece = await body.read() ?? (stream instanceof EventStream ? stream.rest() : undefined);
    }
    noteUsage(exchange, tap?.usage());
    exchange.end({ kind: "completed", status });
    await writer.close().catch(() => {}); // the client left with the last byte
  } catch (error) {
    await breakOff(error, { exchange, backend, endpoint, writer, stream, events: answer.events });
  } finally {
    cutoff.off(onCut);
    clearTimeout(lastWord);
    if (cutoff.cause === "client_stalled") exchange.peer.cut();
    exchange.peer.answered({ unread: true });
  }
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
