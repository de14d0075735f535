import type { EventChunks } from "../sse/event_chunks.ts";
import { BreakableStream } from "./breakable_stream.ts";

export interface EventStreamOptions {
  /** What has been cut of the stream so far, and cuts the rest. */
  chunks: EventChunks;
  /** What is done to events on their way out; it may edit. */
  stage: (events: Uint8Array) => Uint8Array;
}

/**
 * An event stream on its way to a client, as a chain: split → stage → out. Every piece that leaves holds
 * whole events, so that a client's parser never waits on half an event, and an error can be put between
 * two. What is cut already is said to be (`cut`); what is left at the end is asked for (`rest`).
 */
export class EventStream extends BreakableStream {
  readonly #chunks: EventChunks;
  /** What the stage threw: a defect of ours, which must not look like a client that left. */
  defect: unknown;
  /** Says that the next piece to be written holds whole events, or the end of the stream. Returns it. */
  readonly cut: (piece: Uint8Array) => Uint8Array;

  constructor({ chunks, stage }: EventStreamOptions) {
    let cut: Uint8Array | undefined;
    const report = (error: unknown): void => void (this.defect ??= error);
    super({
      transform(bytes, controller): void {
        const events = bytes === cut ? bytes : chunks.push(bytes);
        if (events === undefined) return;
        try {
          const out = stage(events);
          if (out.length > 0) controller.enqueue(out);
        } catch (error) {
          report(error);
        }
      },
    });
    this.#chunks = chunks;
    this.cut = (piece) => cut = piece;
  }

  /**
   * Gives the client a comment, unless it has not taken what it had, or is in the middle of an event; whether it was
   * given.
   */
  comment(comment: Uint8Array): boolean {
    return this.isEmpty && this.#chunks.isBetweenEvents && this.slipIn(comment);
  }

  /** The unterminated end of the stream, to be written last; undefined if there is none. */
  rest(): Uint8Array | undefined {
    const rest = this.#chunks.rest();
    return rest && this.cut(rest);
  }

  /** See `EventChunks.discard`. */
  discardPartial(): boolean {
    return this.#chunks.discard();
  }
}
