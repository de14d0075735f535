import { HttpError } from "./http_error.ts";

/** Bytes of the first read of every request: fewer than any request's head has. */
const FIRST_READ = 16;
const MAX_HEAD = 96 * 1024;
const MAX_EARLY = 64 * 1024;
const END_OF_HEAD = "\r\n\r\n";
const NOTHING = new Uint8Array(0);

/**
 * What a connection receives. It can read a request without taking a byte too many out of the
 * socket, because only a socket closed with bytes unread sends RST.
 */
export class HttpInput {
  readonly #conn: Deno.Conn;
  readonly #scratch = new Uint8Array(16 * 1024);
  #bytes: Uint8Array = NOTHING;
  #pending: Promise<boolean> | undefined;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Waits for the first bytes of a request; false = the client has gone. */
  async arrival(): Promise<boolean> {
    return this.#bytes.length > 0 || await this.#fill(FIRST_READ);
  }

  /**
   * Looks out for a client that goes away while it is being answered. The read stays pending after
   * the answer and becomes the next request's `arrival()`; bytes that come early are kept for it.
   */
  async watch(options: { exact: () => boolean; over: () => boolean }): Promise<"gone" | "over"> {
    while (!options.over()) {
      if (!await this.#fill(FIRST_READ)) return "gone";
      if (options.exact() || this.#bytes.length > MAX_EARLY) return "over";
    }
    return "over";
  }

  /** A request's head without its empty line; undefined = the client left before its end. */
  async head(options: { exact: boolean }): Promise<string | undefined> {
    for (;;) {
      const end = endOfHead(this.#bytes);
      if (end !== -1) {
        return new TextDecoder().decode(this.#take(end).subarray(0, end - END_OF_HEAD.length));
      }
      if (this.#bytes.length > MAX_HEAD) throw new HttpError(400, "The head is too large");
      const most = options.exact ? missingOfHead(this.#bytes) : this.#scratch.length;
      if (!await this.#fill(most)) return undefined;
    }
  }

  /** The next `length` bytes; undefined = the client left before. */
  async exactly(length: number): Promise<Uint8Array | undefined> {
    // A read that is still pending comes first, or the bytes would change places.
    while (this.#bytes.length < length && this.#pending !== undefined) {
      if (!await this.#pending) return undefined;
    }
    const received = new Uint8Array(length);
    const early = this.#take(Math.min(length, this.#bytes.length));
    received.set(early);
    for (let at = early.length; at < length;) {
      const read = await this.#conn.read(received.subarray(at)).catch(() => null);
      if (read === null) return undefined;
      at += read;
    }
    return received;
  }

  /** The next line without its end; undefined = the client left before. For chunk sizes. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#bytes.indexOf(10);
      if (end !== -1) return new TextDecoder().decode(this.#take(end + 1)).trimEnd();
      if (this.#bytes.length > MAX_HEAD) throw new HttpError(400, "A line is too long");
      if (!await this.#fill(this.#scratch.length)) return undefined;
    }
  }

  #take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  /** One read; whoever comes while it is pending gets the same one. */
  #fill(most: number): Promise<boolean> {
    this.#pending ??= this.#read(most);
    return this.#pending;
  }

  async #read(most: number): Promise<boolean> {
    // A read that fails (RST, closed by ourselves) says the same as an orderly end: nobody is there.
    const read = await this.#conn.read(this.#scratch.subarray(0, most)).catch(() => null);
    this.#pending = undefined;
    if (read === null) return false;
    const all = new Uint8Array(this.#bytes.length + read);
    all.set(this.#bytes);
    all.set(this.#scratch.subarray(0, read), this.#bytes.length);
    this.#bytes = all;
    return true;
  }
}

/** Where the head ends, its empty line included, or -1. */
function endOfHead(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(13); at !== -1; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return -1;
}

/** How many bytes are missing at least to the end of the head. */
function missingOfHead(bytes: Uint8Array): number {
  const tail = String.fromCharCode(...bytes.subarray(-3));
  for (const matched of [3, 2, 1]) {
    if (tail.endsWith(END_OF_HEAD.slice(0, matched))) return END_OF_HEAD.length - matched;
  }
  return END_OF_HEAD.length;
}
