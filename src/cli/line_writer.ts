export interface LineWriterOptions {
  /** Takes bytes, and says how many. */
  to: { write(bytes: Uint8Array): Promise<number>; writeSync(bytes: Uint8Array): number };
  /** At most so many characters wait; lines beyond are dropped and counted. */
  maxWaiting?: number;
}

const encoder = new TextEncoder();

/**
 * Writes lines one after another without keeping anybody waiting: a reader that has stopped reading
 * must not stop the router. What came while a write was under way goes out in one.
 */
export class LineWriter {
  readonly #to: LineWriterOptions["to"];
  readonly #maxWaiting: number;
  #waiting = "";
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor({ to, maxWaiting = 1024 * 1024 }: LineWriterOptions) {
    this.#to = to;
    this.#maxWaiting = maxWaiting;
  }

  /** Takes a whole line, its line feed included. */
  write(line: string): void {
    if (this.#waiting.length + line.length > this.#maxWaiting) {
      this.#dropped++;
      return;
    }
    this.#waiting += line;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when all is written, or after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    if (this.#writing === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
    await Promise.race([this.#writing, late]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // what is logged in the same turn goes along
    while (this.#waiting !== "") {
      let text = this.#waiting;
      this.#waiting = "";
      if (this.#dropped > 0) {
        text += `${this.#dropped} log lines were dropped: nobody read them in time\n`;
        this.#dropped = 0;
      }
      await this.#writeBytes(encoder.encode(text));
    }
    this.#writing = undefined;
  }

  async #writeBytes(bytes: Uint8Array): Promise<void> {
    let at = 0;
    try {
      while (at < bytes.length) at += await this.#to.write(bytes.subarray(at));
    } catch {
      try {
        // Deno 2.6 cannot write asynchronously without a free file descriptor: the very news to tell.
        while (at < bytes.length) at += this.#to.writeSync(bytes.subarray(at));
      } catch {
        // nobody reads it any more: not a reason to stop serving
      }
    }
  }
}
