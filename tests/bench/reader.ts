const latin1 = new TextDecoder("latin1");

/**
 * Reads answers from a socket, independent of the router's own client, so that one mistake cannot
 * hide another. Throws on anything but a well-framed answer.
 */
export class AnswerReader {
  readonly #socket: Deno.TcpConn;
  readonly #buffer = new Uint8Array(64 * 1024);
  #start = 0;
  #end = 0;
  /** Of the answer whose head was read last; undefined: chunked. */
  #length: number | undefined;
  /** Bytes of the current chunk that are still to come, its CRLF included; -1 = a size comes next. */
  #chunkLeft = -1;

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  /** Reads the head of the next answer; its status. */
  async head(): Promise<number> {
    for (;;) {
      const text = latin1.decode(this.#buffer.subarray(this.#start, this.#end));
      const end = text.indexOf("\r\n\r\n");
      if (end !== -1) {
        this.#start += end + 4;
        this.#chunkLeft = -1;
        const head = text.slice(0, end);
        const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
        if (length === undefined && !/\r\ntransfer-encoding: *chunked/i.test(head)) {
          throw new Error(`an answer without an end: ${head}`);
        }
        this.#length = length === undefined ? undefined : Number(length);
        return Number(head.slice(9, 12));
      }
      await this.#fill();
    }
  }

  /**
   * Gives each piece of the body to `take` as it comes, whichever way it is framed. A subject may
   * give a whole stream its length if all of it was there in one read.
   */
  body(take: (data: Uint8Array) => void): Promise<void> {
    return this.#length === undefined ? this.#chunks(take) : this.#counted(this.#length, take);
  }

  async #counted(length: number, take: (data: Uint8Array) => void): Promise<void> {
    for (let left = length; left > 0;) {
      if (this.#start === this.#end) await this.#fill();
      const have = Math.min(left, this.#end - this.#start);
      take(this.#buffer.subarray(this.#start, this.#start + have));
      this.#start += have;
      left -= have;
    }
  }

  async #chunks(take: (data: Uint8Array) => void): Promise<void> {
    for (;;) {
      while (this.#start < this.#end) {
        if (this.#chunkLeft < 0) {
          const size = this.#chunkSize();
          if (size === undefined) break;
          if (size === 0) return;
          this.#chunkLeft = size + 2;
        }
        const have = Math.min(this.#chunkLeft, this.#end - this.#start);
        const data = Math.min(have, this.#chunkLeft - 2);
        if (data > 0) take(this.#buffer.subarray(this.#start, this.#start + data));
        this.#start += have;
        this.#chunkLeft -= have;
        if (this.#chunkLeft === 0) this.#chunkLeft = -1;
      }
      await this.#fill();
    }
  }

  /** Consumes a size line, of the last chunk also the blank line; undefined if not all is here. */
  #chunkSize(): number | undefined {
    let size = 0;
    let at = this.#start;
    for (; at < this.#end && this.#buffer[at] !== 13; at++) {
      const digit = parseInt(String.fromCharCode(this.#buffer[at]!), 16);
      if (Number.isNaN(digit)) throw new Error("a chunk size that is no number");
      size = size * 16 + digit;
    }
    const end = at + (size === 0 ? 4 : 2);
    if (end > this.#end) return undefined;
    this.#start = end;
    return size;
  }

  async #fill(): Promise<void> {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.#end === this.#buffer.length) {
      if (this.#start === 0) throw new Error("an answer larger than the bench expects");
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = await this.#socket.read(this.#buffer.subarray(this.#end));
    if (count === null) throw new Error("the connection ended inside an answer");
    this.#end += count;
  }
}
