import type { Endpoint } from "../engine/endpoints.ts";
import { StreamEnd } from "../engine/stream_end.ts";
import { type Usage, usageAtEnd, UsageTap } from "../sse/usage_tap.ts";
import { type Answer, asksForWhole, saysJson } from "./answer.ts";
import { BreakableStream } from "./breakable_stream.ts";
import { carry } from "./carry.ts";
import { EventStream } from "./event_stream.ts";
import type { Exchange } from "./exchange.ts";
import { JsonEnd } from "./json_end.ts";
import { KeepAlive } from "./keep_alive.ts";
import { type BodyEnd, lackOf } from "./pieces.ts";

/** Statuses whose answers have no body (Fetch, section 2.2.3). */
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

export interface RelayOptions {
  exchange: Exchange;
  backend: string;
  endpoint: Endpoint;
  /** How long the client of a stream may hear nothing, milliseconds; null: for as long as it takes. */
  keepAliveMs?: number | null;
}

/** Whether all of an answer's body is here as it is to go out, or it has none. */
export function isWhole({ first, later, body, status, chunks, reading }: Answer): boolean {
  if (later !== undefined) return false;
  if (first === undefined || NO_BODY.has(status)) return true;
  return body.done && (reading === undefined || chunks === undefined);
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
  const { exchange, endpoint, keepAliveMs = null } = options;
  const { first, body, status } = answer;
  const { record } = exchange;
  if (NO_BODY.has(status)) {
    body.cancel();
    exchange.end({ kind: "completed", status });
    exchange.peer.answered();
    return null;
  }
  const { events, encoded, chunks, reading, later } = answer;
  const end = bodyEndOf(answer, endpoint);
  if (isWhole(answer)) {
    record.bytes = first?.length ?? 0;
    if (first !== undefined && !encoded) noteUsage(exchange, wholeUsage(first, events));
    if (first !== undefined) end?.seeRest(first);
    record.ended = lackOf(answer, end);
    exchange.end({ kind: "completed", status });
    exchange.peer.answered();
    return (first ?? null) as Uint8Array<ArrayBuffer> | null;
  }
  if (later === undefined) exchange.deadlines.bodyBegan({ stream: events });
  if (chunks === undefined) {
    const stream = new BreakableStream({
      transform(bytes, controller): void {
        record.bytes += bytes.length;
        end?.see(bytes);
        controller.enqueue(bytes);
      },
    });
    carry(answer, stream, { ...options, end });
    return stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>;
  }
  const tap = new UsageTap();
  const stage = (events: Uint8Array): Uint8Array => {
    end?.see(events);
    // What comes behind a failure is our own word on it.
    const out = reading === undefined || reading.failure !== undefined
      ? events
      : reading.events(events);
    record.bytes += out.length;
    keepAlive?.see(out);
    return tap.tap(out);
  };
  const stream = new EventStream({ chunks, stage });
  if (first !== undefined) stream.cut(first);
  const keepAlive = keepAliveMs === null ? undefined : new KeepAlive(stream, {
    everyMs: keepAliveMs,
    now: () => exchange.now(),
    onSaid: (bytes) => record.bytes += bytes,
  });
  const onWhole = (): void => noteUsage(exchange, tap.usage());
  carry(answer, stream, { ...options, end, onWhole, keepAlive });
  return stream.readable as ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** What reads along to know the body's end; undefined if nothing in such a body tells it. */
function bodyEndOf(
  answer: Answer,
  endpoint: Endpoint,
): BodyEnd | undefined {
  const { chunks, encoded, headers, status } = answer;
  if (status >= 400) return undefined;
  const untilClose = asksForWhole(answer);
  if (chunks !== undefined) return new StreamEnd(endpoint, { untilClose });
  return untilClose && !encoded && saysJson(headers) ? new JsonEnd() : undefined;
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
