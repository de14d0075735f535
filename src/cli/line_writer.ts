export interface LineWriterOptions {
  /** Takes bytes, and says how many. */
  to: { write(bytes: Uint8Array): Promise<number>; writeSync(bytes: Uint8Array): number };
  /** At most so many characters wait; lines beyond are dropped and counted. */
  maxWaiting?: number;
  /** How long lines are collected before they go out together, milliseconds. */
  collectMs?: number;
}

/** So many characters go out without waiting for more. */
const FULL = 64 * 1024;

const encoder = new TextEncoder();

/**
 * Writes lines without keeping anybody waiting: a reader that has stopped reading must not stop the
 * router. Lines are collected for a moment and go out in one write, as each costs 40 µs of CPU.
 */
export class LineWriter {
  /** Words, line feed included, for the lines that had to be dropped: `createLog` knows the format. */
  dropNotice: (dropped: number) => string = plainNotice;
  readonly #to: LineWriterOptions["to"];
  readonly #maxWaiting: number;
  readonly #collectMs: number;
  #waiting = "";
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;

  constructor({ to, maxWaiting = 1024 * 1024, collectMs = 20 }: LineWriterOptions) {
    this.#to = to;
    this.#maxWaiting = maxWaiting;
    this.#collectMs = collectMs;
  }

  /** Takes a whole line, its line feed included. */
  write(line: string): void {
    if (this.#waiting.length + line.length > this.#maxWaiting) {
      this.#dropped++;
      return;
    }
    this.#waiting += line;
    if (this.#writing !== undefined) return; // it goes out next
    if (this.#waiting.length >= FULL) this.#begin();
    else this.#timer ??= setTimeout(() => this.#begin(), this.#collectMs);
  }

  /** Resolves when all is written, or after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    if (this.#waiting !== "") this.#begin();
    if (this.#writing === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
    await Promise.race([this.#writing, late]);
    clearTimeout(timer);
  }

  /** Writes what waits at once: the process is about to end. What is under way may be lost. */
  flushSync(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting === "") return;
    this.#writeBytesSync(this.#take());
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting !== "") await this.#writeBytes(this.#take());
    this.#writing = undefined;
  }

  #take(): Uint8Array {
    let text = this.#waiting;
    this.#waiting = "";
    if (this.#dropped > 0) {
      text += this.#notice(this.#dropped);
      this.#dropped = 0;
    }
    return encoder.encode(text);
  }

  #notice(dropped: number): string {
    try {
      return this.dropNotice(dropped);
    } catch {
      return plainNotice(dropped); // a defect in the words must not stop the lines
    }
  }

  async #writeBytes(bytes: Uint8Array): Promise<void> {
    let at = 0;
    try {
      while (at < bytes.length) at += await this.#to.write(bytes.subarray(at));
    } catch {
      // Deno 2.6 cannot write asynchronously without a free file descriptor: the very news to tell.
      this.#writeBytesSync(bytes.subarray(at));
    }
  }

  #writeBytesSync(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length;) at += this.#to.writeSync(bytes.subarray(at));
    } catch {
      // nobody reads it any more: not a reason to stop serving
    }
  }
}

function plainNotice(dropped: number): string {
  return `${dropped} log lines were dropped: nobody read them in time\n`;
}
