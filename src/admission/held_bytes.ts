import { RouterError } from "../errors.ts";

/** How soon a client may ask again, seconds: bodies come and go within that. */
const RETRY_SECONDS = 2;

/** The sum of what all request bodies occupy, being read or waiting for their answer, and its bound. */
export class HeldBytes {
  #max: number;
  #held = 0;
  #unseen = 0;

  /** `max` in bytes. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Takes another bound, in bytes. */
  configure(max: number): void {
    this.#max = max;
  }

  get held(): number {
    return this.#held;
  }

  /** Throws `RouterError` (`at_capacity`) if so many more bytes would be too many. */
  check(more: number): void {
    if (this.#held + more <= this.#max) return;
    throw new RouterError(
      "at_capacity",
      `request bodies already hold ${this.#held} of ${this.#max} bytes (limits.max_held)`,
      { retryAfter: RETRY_SECONDS },
    );
  }

  /**
   * Whether so many bytes may be read by a call that does not tell how many have come; a quarter of the
   * bound may be. If so, `endUnseen` is to be called with the same number.
   */
  beginUnseen(bytes: number): boolean {
    if (this.#unseen + bytes > this.#max / 4) return false;
    this.#unseen += bytes;
    return true;
  }

  endUnseen(bytes: number): void {
    this.#unseen -= bytes;
  }

  /** Changes the sum. */
  add(bytes: number): void {
    this.#held += bytes;
  }
}

/** Below this, freeing a buffer at once costs more than leaving it to V8. */
const FREED_AT_ONCE_BYTES = 16 * 1024;

/** What one call's body occupies. */
export class Hold {
  readonly all: HeldBytes;
  #bytes = 0;
  #buffer: ArrayBuffer | undefined;

  constructor(all: HeldBytes) {
    this.all = all;
  }

  /** Throws `RouterError` (`at_capacity`) if a body of this size would be too much now. */
  expect(bytes: number): void {
    this.all.check(bytes - this.#bytes);
  }

  /** Says how many bytes the body occupies from now on. Throws as `expect` does; then nothing changes. */
  occupy(bytes: number): void {
    this.expect(bytes);
    this.all.add(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** Says which buffer the body is in. It becomes the hold's to free. */
  keep(buffer: ArrayBuffer): void {
    this.#buffer = buffer;
  }

  /**
   * Gives all of it back. The buffer is freed now, not when V8 next collects: until then hundreds of
   * others would wait beside it (a call with a 64 KB prompt: -13 % of its CPU time, 20 MiB less).
   */
  release(): void {
    this.all.add(-this.#bytes);
    this.#bytes = 0;
    if (this.#buffer !== undefined && this.#buffer.byteLength >= FREED_AT_ONCE_BYTES) {
      this.#buffer.transfer(0);
    }
    this.#buffer = undefined;
  }
}
