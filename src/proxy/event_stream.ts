import type { EventChunks } from "../sse/event_chunks.ts";
import { BreakableStream } from "./breakable_stream.ts";

export interface EventStreamOptions {
  /** What has been cut of the stream so far, and cuts the rest. */
  chunks: EventChunks;
  /** What `chunks` gave before there was a stream: the first piece to be written. */
  begun: Uint8Array;
  /** What is done to events on their way out, in this order; a stage may edit. */
  stages: readonly ((events: Uint8Array) => Uint8Array)[];
}

/**
 * An event stream on its way to a client, as a chain: split → stages → out. Every piece that leaves holds
 * whole events, so that a client's parser never waits on half an event, and an error can be put between
 * two. The end of input lets an unterminated rest pass, a break drops it.
 */
export class EventStream extends BreakableStream {
  readonly #chunks: EventChunks;

  constructor({ chunks, begun, stages }: EventStreamOptions) {
    const send = (
      events: Uint8Array,
      controller: TransformStreamDefaultController<Uint8Array>,
    ): void => {
      let out = events;
      for (const stage of stages) out = stage(out);
      if (out.length > 0) controller.enqueue(out);
    };
    super({
      transform(bytes, controller): void {
        const events = bytes === begun ? bytes : chunks.push(bytes);
        if (events !== undefined) send(events, controller);
      },
      flush(controller): void {
        const rest = chunks.rest();
        if (rest !== undefined) send(rest, controller);
      },
    });
    this.#chunks = chunks;
  }

  /** See `EventChunks.discard`. */
  discardPartial(): boolean {
    return this.#chunks.discard();
  }
}
