const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/**
 * Reads along JSON, one text or several, and knows whether everything that was opened has been closed: of one
 * that was cut off, something has not.
 */
export class JsonEnd {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #begun = false;

  /** Whether something is there, and nothing of it is open. */
  get reached(): boolean {
    return this.#begun && this.#depth === 0 && !this.#inString;
  }

  /** Takes the next bytes. */
  see(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#inString) this.#seeInString(byte);
      else if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth--;
      this.#begun ||= byte > 32;
    }
  }

  seeRest(bytes: Uint8Array): void {
    this.see(bytes);
  }

  /** Whether a text that ended with its connection is not whole. */
  isCutShort(): boolean {
    return !this.reached;
  }

  #seeInString(byte: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) this.#inString = false;
  }
}
