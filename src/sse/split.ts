const LF = 10;
const CR = 13;

/** The first bytes of `data`, `event` and `id`, and of a byte order mark. */
const EVENT_BYTES: ReadonlySet<number> = new Set([0x64, 0x65, 0x69, 0xef]);

/** Where the last byte was: between two events, in a line there that is no part of one, or in one. */
type Place = "between" | "aside" | "event";

/**
 * Finds where events end in a `text/event-stream` (WHATWG HTML, section 9.2.6) that comes in
 * arbitrary pieces: behind each blank line, lines ending in LF, CR or CRLF. Also behind each line between
 * two events that is no part of one: a comment above all, which is sent to show life and must not wait for
 * an event. Looks at bytes only, so a piece may end anywhere, also inside a code point.
 */
export class EventSplitter {
  /** Whether the next byte begins a line. True at the start: a leading blank line ends nothing. */
  #lineStart = true;
  /** Whether the last byte was a CR, whose LF may still come. */
  #afterCr = false;
  /** Whether what the last line end closed was an event, or a line aside. */
  #ended = true;
  #place: Place = "between";

  /** Takes the next piece; returns the index in it behind all that is complete, or 0. */
  push(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    if (this.#afterCr || bytes.indexOf(CR) !== -1) return this.#pushAny(bytes);
    return this.#pushLf(bytes);
  }

  /** The common case, LF alone: from the back, so that a piece that ends an event costs nothing. */
  #pushLf(bytes: Uint8Array): number {
    let end = 0;
    for (
      let at = bytes.lastIndexOf(LF);
      at !== -1;
      at = at === 0 ? -1 : bytes.lastIndexOf(LF, at - 1)
    ) {
      if (at === 0 ? this.#lineStart : bytes[at - 1] === LF) {
        end = at + 1;
        break;
      }
    }
    if (end > 0) this.#place = "between";
    if (end < bytes.length) end = this.#passAside(bytes, end);
    this.#lineStart = bytes[bytes.length - 1] === LF;
    this.#ended = end === bytes.length;
    return end;
  }

  /** Goes on behind the last event for as long as lines are no part of one. */
  #passAside(bytes: Uint8Array, from: number): number {
    let end = from;
    while (end < bytes.length) {
      if (this.#place === "between") {
        this.#place = EVENT_BYTES.has(bytes[end]!) ? "event" : "aside";
      }
      const lineEnd = this.#place === "aside" ? bytes.indexOf(LF, end) : -1;
      if (lineEnd === -1) break;
      end = lineEnd + 1;
      this.#place = "between";
    }
    return end;
  }

  #pushAny(bytes: Uint8Array): number {
    let end = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === LF && this.#afterCr) {
        this.#afterCr = false;
        if (this.#ended) end = at + 1; // the second half of the line end that closed it
      } else if (byte === LF || byte === CR) {
        this.#ended = this.#lineStart || this.#place === "aside";
        if (this.#ended) {
          end = at + 1;
          this.#place = "between";
        }
        this.#lineStart = true;
        this.#afterCr = byte === CR;
      } else {
        if (this.#place === "between") {
          this.#place = EVENT_BYTES.has(byte) ? "event" : "aside";
        }
        this.#lineStart = this.#afterCr = this.#ended = false;
      }
    }
    return end;
  }
}
