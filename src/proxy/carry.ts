import type { Endpoint } from "../engine/endpoints.ts";
import { StreamEnd } from "../engine/stream_end.ts";
import type { Answer } from "./answer.ts";
import { breakOff, LAST_WORD_MS } from "./break_off.ts";
import type { BreakableStream } from "./breakable_stream.ts";
import { isClients } from "./cutoff.ts";
import { EventStream } from "./event_stream.ts";
import type { Exchange } from "./exchange.ts";
import { type KeepAlive, withoutMark } from "./keep_alive.ts";
import { type BodyEnd, GRACE_MS, Pieces } from "./pieces.ts";

export interface CarryOptions {
  exchange: Exchange;
  backend: string;
  endpoint: Endpoint;
  /** Sees every piece that goes out. */
  end: BodyEnd | undefined;
  /** Stops when the body does. */
  keepAlive?: KeepAlive | undefined;
  /** Called when all of the body has gone out, before the exchange ends. */
  onWhole?: () => void;
}

/**
 * Carries the body over piece by piece, never reading more than the client takes, and ends the
 * exchange. Never rejects.
 */
export async function carry(
  answer: Answer,
  stream: BreakableStream,
  { exchange, backend, endpoint, end, onWhole, keepAlive }: CarryOptions,
): Promise<void> {
  const { body, status, reading } = answer;
  const { cutoff, deadlines, record } = exchange;
  const rest = (): Uint8Array | undefined =>
    stream instanceof EventStream ? stream.rest() : undefined;
  const pieces = new Pieces(answer, { end, rest });
  const writer = stream.writable.getWriter();
  let writing = false;
  let lastWord: ReturnType<typeof setTimeout> | undefined;
  let grace: ReturnType<typeof setTimeout> | undefined;
  const onCut = (): void => {
    if (!writing) return;
    // A client that takes its pieces is to hear why it gets no more.
    if (isClients(cutoff.cause)) stream.fail(cutoff.cause);
    else lastWord ??= setTimeout(() => stream.fail(cutoff.cause), LAST_WORD_MS);
  };
  cutoff.on(onCut);
  // A client that leaves while the backend is silent shows only here.
  writer.closed.catch(() => {
    keepAlive?.stop(); // nobody can be given anything any more
    cutoff.cut("client_left");
  });
  const defect = (): unknown => stream instanceof EventStream ? stream.defect : undefined;
  try {
    let piece = answer.first;
    if (answer.later !== undefined) {
      keepAlive?.say();
      piece = await answer.later;
      if (piece !== undefined && stream instanceof EventStream) {
        piece = stream.cut(withoutMark(piece));
      }
      exchange.begun();
      deadlines.bodyBegan({ stream: true });
    }
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
      if (defect() !== undefined) throw defect();
      if (reading?.failure !== undefined) throw reading.failure;
      if (end instanceof StreamEnd && end.reached) {
        grace ??= setTimeout(() => body.cancel(), GRACE_MS);
      }
      let broke: unknown;
      try {
        piece = await body.read();
      } catch (error) {
        broke = error;
        piece = undefined;
      }
      if (piece === undefined) piece = pieces.last(broke);
    }
    if (!isClients(cutoff.cause)) record.ended = pieces.ended; // what a client did not wait for is nobody's lack
    onWhole?.();
    exchange.end({ kind: "completed", status });
    keepAlive?.stop();
    await writer.close().catch(() => {}); // the client left with the last byte
  } catch (error) {
    keepAlive?.stop();
    body.cancel();
    await breakOff(error, { exchange, backend, endpoint, writer, stream });
  } finally {
    cutoff.off(onCut);
    clearTimeout(lastWord);
    clearTimeout(grace);
    if (cutoff.cause === "client_stalled") exchange.peer.cut();
    exchange.peer.answered({ unread: true });
  }
}
