import type { EventStream } from "./event_stream.ts";

/** A comment, which every parser drops (WHATWG HTML, section 9.2.6). */
const COMMENT = new TextEncoder().encode(": keep-alive\n\n");

/** A line with the field `id`, in events read as Latin-1, where a byte order mark is three characters. */
const ID = /(?:^(?:\xef\xbb\xbf)?|[\r\n])id[:\r\n]/;

const decoder = new TextDecoder("latin1");

/** A stream's first events as they go behind a comment: a byte order mark would spoil the first of them there. */
export function withoutMark(events: Uint8Array): Uint8Array {
  const [a, b, c] = events;
  return a === 0xef && b === 0xbb && c === 0xbf ? events.subarray(3) : events;
}

export interface KeepAliveOptions {
  /** After so much silence the client gets a comment, milliseconds. */
  readonly everyMs: number;
  /** A monotonic clock, milliseconds. */
  readonly now: () => number;
  /** Told how many bytes a comment had that was given. */
  readonly onSaid: (bytes: number) => void;
}

/**
 * Shows the client of a silent stream, and what stands between, that it is alive. No more behind an event with an
 * `id`: the blank line of a comment would be an event for openai's Python client from then on.
 */
export class KeepAlive {
  readonly #options: KeepAliveOptions;
  readonly #stream: EventStream;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastAt: number;
  #ids = false;

  constructor(stream: EventStream, options: KeepAliveOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#lastAt = options.now();
    this.#watch(options.everyMs);
  }

  /** These events go to the client. */
  see(events: Uint8Array): void {
    this.#lastAt = this.#options.now();
    this.#ids ||= ID.test(decoder.decode(events));
  }

  /** A comment, if there may be one now. */
  say(): void {
    if (this.#ids || !this.#stream.comment(COMMENT)) return;
    this.#options.onSaid(COMMENT.length);
    this.#lastAt = this.#options.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** One timer that looks at the clock when it fires, as in `Deadlines`. */
  #watch(wait: number): void {
    const { everyMs, now } = this.#options;
    this.#timer = setTimeout(() => {
      const left = this.#lastAt + everyMs - now();
      if (left <= 0) this.say();
      if (!this.#ids) this.#watch(left > 0 ? left : everyMs);
    }, Math.ceil(wait));
  }
}
