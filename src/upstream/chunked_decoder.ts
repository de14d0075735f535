import { UpstreamError } from "./upstream_error.ts";

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 32;
const SEMICOLON = 59;
const MAX_SIZE_DIGITS = 12;
const MAX_EXTENSION_BYTES = 4096;
const MAX_TRAILER_BYTES = 8192;

type State =
  | "size"
  | "size_blank"
  | "extension"
  | "size_lf"
  | "data"
  | "data_cr"
  | "data_lf"
  | "trailer"
  | "done";

/**
 * Decodes the chunked transfer coding (RFC 9112, section 7.1) in place, split at any byte.
 * Extensions and trailers are dropped; a bare LF is refused.
 */
export class ChunkedDecoder {
  #state: State = "size";
  #digits = 0;
  #size = 0;
  #extension = 0;
  #trailer = 0;
  #line = 0;
  #error: UpstreamError | undefined;
  /** Set by `decode`: the index behind the last byte it understood. */
  consumed = 0;

  /** Whether the last chunk and its trailers have been read. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** Whether what follows is known to be nonsense: the next `decode` will throw. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /**
   * Decodes the bytes from `start` to `end`, and moves the data among them together at `start`.
   * Returns the index behind that data. Throws `UpstreamError` of kind `bad_answer`; but what came before
   * the nonsense is returned first.
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    if (this.#error !== undefined) throw this.#error;
    let out = start;
    let at = start;
    try {
      for (; at < end && this.#state !== "done"; at++) {
        if (this.#state !== "data") this.#step(bytes[at]!);
        else {
          const count = Math.min(this.#size, end - at);
          if (out !== at) bytes.copyWithin(out, at, at + count);
          out += count;
          at += count - 1;
          this.#size -= count;
          if (this.#size === 0) this.#state = "data_cr";
        }
      }
    } catch (error) {
      if (out === start) throw error;
      this.#error = error as UpstreamError;
    }
    this.consumed = at;
    return out;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "size": {
        const digit = hexDigit(byte);
        if (digit >= 0) {
          if (++this.#digits > MAX_SIZE_DIGITS) throw bad("chunk size too long");
          this.#size = this.#size * 16 + digit;
        } else if (this.#digits === 0) {
          throw bad("chunk without a size");
        } else this.#behindSize(byte);
        break;
      }
      case "size_blank":
        this.#behindSize(byte);
        break;
      case "extension":
        if (byte === CR) this.#state = "size_lf";
        else if (byte === LF || ++this.#extension > MAX_EXTENSION_BYTES) {
          throw bad("invalid chunk extension");
        }
        break;
      case "size_lf":
        if (byte !== LF) throw bad("chunk size not ended by CRLF");
        this.#state = this.#size === 0 ? "trailer" : "data";
        this.#digits = 0;
        this.#extension = 0;
        this.#line = 0;
        break;
      case "data_cr":
        if (byte !== CR) throw bad("chunk longer than its size");
        this.#state = "data_lf";
        break;
      case "data_lf":
        if (byte !== LF) throw bad("chunk not ended by CRLF");
        this.#state = "size";
        break;
      default:
        this.#trailerByte(byte);
    }
  }

  /** Blanks may stand before an extension (RFC 9112, section 7.1.1). */
  #behindSize(byte: number): void {
    this.#extension++;
    if (byte === CR) this.#state = "size_lf";
    else if (byte === SEMICOLON) this.#state = "extension";
    else if ((byte === SPACE || byte === TAB) && this.#extension <= MAX_EXTENSION_BYTES) {
      this.#state = "size_blank";
    } else throw bad("invalid chunk size");
  }

  /** `#line` counts the bytes of a trailer line; -1 after the CR of the blank one, -2 after another. */
  #trailerByte(byte: number): void {
    if (++this.#trailer > MAX_TRAILER_BYTES) throw bad("trailers too long");
    if (this.#line < 0) {
      if (byte !== LF) throw bad("bare CR in a trailer");
      if (this.#line === -1) this.#state = "done";
      this.#line = 0;
    } else if (byte === CR) {
      this.#line = this.#line === 0 ? -1 : -2;
    } else if (byte === LF) {
      throw bad("bare LF in a trailer");
    } else {
      this.#line++;
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function bad(message: string): UpstreamError {
  return new UpstreamError("bad_answer", message, { phase: "body" });
}
