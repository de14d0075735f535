/** A client that writes bytes as it is told and shows what came back, byte for byte. */

const encoder = new TextEncoder();

/** An answer taken apart. `complete` says whether its framing was kept to the end. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly complete: boolean;
}

export class RawClient {
  readonly #socket: Deno.TcpConn;
  /** All bytes received, one character each (`TextDecoder`'s latin1 is windows-1252). */
  received = "";
  ended = false;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
  }

  /** Reads once more; false at the end, however it came. */
  async read(): Promise<boolean> {
    const buffer = new Uint8Array(32 * 1024);
    const count = await this.#socket.read(buffer).catch(() => null);
    if (count === null) this.ended = true;
    else this.received += String.fromCharCode(...buffer.subarray(0, count));
    return count !== null;
  }

  /** Reads until `text` has come. Throws if the connection ends first. */
  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (!await this.read()) {
        throw new Error(`ended before ${JSON.stringify(text)}: ${this.received}`);
      }
    }
  }

  /** Reads one answer from the front of what comes, and takes it away. */
  async answer({ head = false } = {}): Promise<RawAnswer> {
    await this.until("\r\n\r\n");
    const end = this.received.indexOf("\r\n\r\n") + 4;
    const [statusLine, ...lines] = this.received.slice(0, end - 4).split("\r\n");
    const headers = new Headers(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
    const status = Number(statusLine!.split(" ")[1]);
    this.received = this.received.slice(end);
    if (head || status === 204 || status === 304) {
      return { status, headers, body: "", complete: true };
    }
    const { body, complete } = headers.get("transfer-encoding") === "chunked"
      ? await this.#chunked()
      : await this.#length(headers.get("content-length"));
    return { status, headers, body, complete };
  }

  close(): void {
    try {
      this.#socket.close();
    } catch {
      // already closed
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #length(length: string | null): Promise<{ body: string; complete: boolean }> {
    const bytes = length === null ? Infinity : Number(length);
    while (this.received.length < bytes && await this.read());
    const body = this.received.slice(0, bytes);
    this.received = this.received.slice(body.length);
    return { body, complete: body.length === bytes };
  }

  async #chunked(): Promise<{ body: string; complete: boolean }> {
    let body = "";
    for (;;) {
      while (!this.received.includes("\r\n")) {
        if (!await this.read()) return { body, complete: false };
      }
      const line = this.received.indexOf("\r\n");
      const size = parseInt(this.received.slice(0, line), 16);
      while (this.received.length < line + 4 + size) {
        if (!await this.read()) {
          return { body: body + this.received.slice(line + 2), complete: false };
        }
      }
      body += this.received.slice(line + 2, line + 2 + size);
      this.received = this.received.slice(line + 4 + size);
      if (size === 0) return { body, complete: true };
    }
  }
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
