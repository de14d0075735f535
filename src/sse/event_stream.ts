import { BreakableStream } from "./breakable_stream.ts";
import { EventSplitter } from "./split.ts";

export interface EventStreamOptions {
  /** An event larger than this, in bytes, passes through as it comes instead of being held whole. */
  maxEvent: number;
  /** Sees every piece that leaves. It must not keep the stream waiting, nor edit. */
  tap?: (piece: Uint8Array) => void;
}

/**
 * Re-chunks an event stream so that every piece holds whole events only: a client's parser never
 * waits on half an event, and an error can be put between two. In sum the bytes are unchanged.
 * Holds at most `maxEvent` bytes; the end of input lets an unterminated rest pass, `abort` drops it.
 */
export class EventStream extends BreakableStream {
  readonly #partial: Partial;

  constructor({ maxEvent, tap }: EventStreamOptions) {
    const partial = new Partial();
    const splitter = new EventSplitter();
    const send = (
      piece: Uint8Array,
      controller: TransformStreamDefaultController<Uint8Array>,
    ): void => {
      tap?.(piece);
      controller.enqueue(piece);
    };
    super({
      transform(bytes, controller): void {
        const end = splitter.push(bytes);
        if (end > 0) {
          const whole = end === bytes.length ? bytes : bytes.subarray(0, end);
          const piece = partial.size === 0 ? whole : partial.take(whole);
          partial.passed = false;
          send(piece, controller);
        }
        if (end < bytes.length) partial.add(end === 0 ? bytes : bytes.subarray(end));
        if (partial.size > maxEvent || (partial.passed && partial.size > 0)) {
          partial.passed = true;
          send(partial.take(), controller);
        }
      },
      flush(controller): void {
        if (partial.size > 0) send(partial.take(), controller);
      },
    });
    this.#partial = partial;
  }

  /**
   * Forgets the bytes of an event that will never be completed. Returns whether its beginning has
   * already left, so that whatever is sent next must first end it.
   */
  discardPartial(): boolean {
    this.#partial.take();
    return this.#partial.passed;
  }
}

/** The beginning of an event whose end has not come. */
class Partial {
  /** One buffer that doubles: a list of pieces would cost far more than its bytes if they are tiny. */
  #bytes = new Uint8Array(0);
  size = 0;
  /** Whether some of this event has been passed on for being too large. */
  passed = false;

  add(piece: Uint8Array): void {
    const size = this.size + piece.length;
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.size));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.size);
    this.size = size;
  }

  /** All of it and `last`, in one piece; nothing is left. */
  take(last: Uint8Array = new Uint8Array()): Uint8Array {
    const all = new Uint8Array(this.size + last.length);
    all.set(this.#bytes.subarray(0, this.size));
    all.set(last, this.size);
    this.#bytes = new Uint8Array(0);
    this.size = 0;
    return all;
  }
}
