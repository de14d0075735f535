/** A client that writes bytes as it is told and shows what came back, byte for byte. */
import { within } from "./within.ts";

const LIMIT_MS = 20_000;

const encoder = new TextEncoder();

/** An answer taken apart. `complete` says whether its framing was kept to the end. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly complete: boolean;
}

/** How a connection ended, seen from the client: `ours` if this end closed it first. */
export type ClientEnd = "fin" | "reset" | "ours";

export class RawClient implements Disposable {
  readonly #socket: Deno.TcpConn;
  /** Bytes received and not yet taken, one character each (`TextDecoder`'s latin1 is windows-1252). */
  received = "";
  /** How the connection ended, as soon as a read has met that end. */
  end?: ClientEnd;
  #closed = false;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const all = async (): Promise<void> => {
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
    };
    await this.#within(all(), `${bytes.length} bytes are written`);
  }

  /** Sends a JSON POST in one write. */
  post(path: string, body: unknown): Promise<void> {
    return this.write(rawPost(path, JSON.stringify(body)));
  }

  /** Reads on until `text` has come, and takes all up to its end. Throws if the connection ends first. */
  until(text: string): Promise<string> {
    return this.#within(this.#until(text), `${JSON.stringify(text)} comes`);
  }

  /** Reads up to the end of the connection, however it comes (see `end`), and takes it all. */
  rest(): Promise<string> {
    const all = async (): Promise<string> => {
      while (await this.#read());
      return this.#take(this.received.length);
    };
    return this.#within(all(), "the connection ends");
  }

  /** Reads one answer from the front of what comes, and takes it away. */
  answer({ head = false } = {}): Promise<RawAnswer> {
    return this.#within(this.#answer(head), "a whole answer comes");
  }

  close(): void {
    this.#closed = true;
    try {
      this.#socket.close();
    } catch {
      // already closed
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #within<T>(promise: Promise<T>, what: string): Promise<T> {
    return within(promise, what, {
      ms: LIMIT_MS,
      seen: () => ({ received: this.received.slice(-2000), end: this.end }),
    });
  }

  /** Reads once more; false at the end. */
  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(32 * 1024);
    try {
      const count = await this.#socket.read(buffer);
      if (count !== null) this.received += String.fromCharCode(...buffer.subarray(0, count));
      else this.end = "fin";
      return count !== null;
    } catch (error) {
      if (!this.#closed && !(error instanceof Deno.errors.ConnectionReset)) throw error;
      this.end = this.#closed ? "ours" : "reset";
      return false;
    }
  }

  async #until(text: string): Promise<string> {
    while (!this.received.includes(text)) {
      if (!await this.#read()) {
        throw new Error(`ended (${this.end}) before ${JSON.stringify(text)}: ${this.received}`);
      }
    }
    return this.#take(this.received.indexOf(text) + text.length);
  }

  async #answer(bodyless: boolean): Promise<RawAnswer> {
    const [statusLine, ...lines] = (await this.#until("\r\n\r\n")).trimEnd().split("\r\n");
    const headers = new Headers(lines.map(nameAndValue));
    const status = Number(statusLine!.split(" ")[1]);
    if (bodyless || status === 204 || status === 304) {
      return { status, headers, body: "", complete: true };
    }
    const { body, complete } = headers.get("transfer-encoding") === "chunked"
      ? await this.#chunked()
      : await this.#length(headers.get("content-length"));
    return { status, headers, body, complete };
  }

  async #length(length: string | null): Promise<{ body: string; complete: boolean }> {
    const bytes = length === null ? Infinity : Number(length);
    while (this.received.length < bytes && await this.#read());
    const body = this.#take(Math.min(bytes, this.received.length));
    return { body, complete: body.length === bytes };
  }

  #take(length: number): string {
    const taken = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return taken;
  }

  async #chunked(): Promise<{ body: string; complete: boolean }> {
    let body = "";
    for (;;) {
      while (!this.received.includes("\r\n")) {
        if (!await this.#read()) return { body, complete: false };
      }
      const line = this.received.indexOf("\r\n");
      const size = parseInt(this.received.slice(0, line), 16);
      while (this.received.length < line + 4 + size) {
        if (!await this.#read()) {
          return { body: body + this.received.slice(line + 2), complete: false };
        }
      }
      body += this.received.slice(line + 2, line + 2 + size);
      this.received = this.received.slice(line + 4 + size);
      if (size === 0) return { body, complete: true };
    }
  }
}

function nameAndValue(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/** A POST as text, with its length. */
export function rawPost(path: string, body: string, headers: readonly string[] = []): string {
  const length = encoder.encode(body).length;
  const lines = [
    "host: router",
    "content-type: application/json",
    `content-length: ${length}`,
    ...headers,
  ];
  return `POST ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`;
}
