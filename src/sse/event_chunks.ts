import { concat } from "../concat.ts";
import { EventSplitter } from "./split.ts";

/**
 * Cuts an event stream so that every piece holds whole events only. In sum the bytes are unchanged. Holds
 * at most `maxEvent` bytes: a larger event passes as it comes.
 */
export class EventChunks {
  readonly #maxEvent: number;
  readonly #splitter = new EventSplitter();
  readonly #partial = new Partial();
  /** Whether some of the event that is not complete has been passed on for being too large. */
  #passed = false;

  /** `maxEvent` in bytes. */
  constructor(maxEvent: number) {
    this.#maxEvent = maxEvent;
  }

  /** Takes the next piece of the stream; returns what is complete by it, if anything is. */
  push(bytes: Uint8Array): Uint8Array | undefined {
    const partial = this.#partial;
    const end = this.#splitter.push(bytes);
    let out: Uint8Array | undefined;
    if (end > 0) {
      const whole = end === bytes.length ? bytes : bytes.subarray(0, end);
      out = partial.size === 0 ? whole : partial.take(whole);
      this.#passed = false;
    }
    if (end < bytes.length) partial.add(end === 0 ? bytes : bytes.subarray(end));
    if (partial.size > this.#maxEvent || (this.#passed && partial.size > 0)) {
      this.#passed = true;
      const beginning = partial.take();
      out = out === undefined ? beginning : concat([out, beginning]);
    }
    return out;
  }

  /** Whether what has been passed on so far ends between two events. */
  get isBetweenEvents(): boolean {
    return !this.#passed;
  }

  /** What is left at the end of the stream: an event that was not ended. */
  rest(): Uint8Array | undefined {
    return this.#partial.size > 0 ? this.#partial.take() : undefined;
  }

  /**
   * Forgets the bytes of an event that will never be completed. Returns whether its beginning has
   * already been passed on, so that whatever is sent next must first end it.
   */
  discard(): boolean {
    this.#partial.take();
    return this.#passed;
  }
}

/** The beginning of an event whose end has not come. */
class Partial {
  /** One buffer that doubles: a list of pieces would cost far more than its bytes if they are tiny. */
  #bytes = new Uint8Array(0);
  size = 0;

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
