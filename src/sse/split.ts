const LF = 10;
const CR = 13;

/**
 * Finds where events end in a `text/event-stream` (WHATWG HTML, section 9.2.6) that comes in
 * arbitrary pieces: behind each blank line, lines ending in LF, CR or CRLF. Looks at bytes only, so
 * a piece may end anywhere, also inside a code point.
 */
export class EventSplitter {
  /** Whether the next byte begins a line. True at the start: a leading blank line ends nothing. */
  #lineStart = true;
  /** Whether the last byte was a CR, whose LF may still come. */
  #afterCr = false;
  /** Whether the last line end closed an event. */
  #ended = true;

  /** Takes the next piece; returns the index in it behind the last event that is complete, or 0. */
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
    this.#lineStart = bytes[bytes.length - 1] === LF;
    this.#ended = end === bytes.length;
    return end;
  }

  #pushAny(bytes: Uint8Array): number {
    let end = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === LF && this.#afterCr) {
        this.#afterCr = false;
        if (this.#ended) end = at + 1; // the second half of the line end that closed the event
      } else if (byte === LF || byte === CR) {
        this.#ended = this.#lineStart;
        if (this.#ended) end = at + 1;
        this.#lineStart = true;
        this.#afterCr = byte === CR;
      } else {
        this.#lineStart = this.#afterCr = this.#ended = false;
      }
    }
    return end;
  }
}
