/** An answer as it was on the wire. */
export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A client on a bare socket: it sees what libraries hide, and sends what they would not. */
export class RawClient {
  readonly #conn: Deno.TcpConn;
  #text = "";

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Sends a whole POST in one write. */
  post(path: string, body: unknown): Promise<void> {
    return this.send(postText(path, body));
  }

  /** Reads on until `part` has come, and gives all text up to its end. */
  async until(part: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(part);
      if (at !== -1) return this.#take(at + part.length);
      const piece = await this.read();
      if (piece === null) throw new Error(`closed before ${part}: ${this.#text}`);
      this.#text += piece;
    }
  }

  /** One read; null = an orderly end. ASCII only. */
  async read(): Promise<string | null> {
    const bytes = new Uint8Array(64 * 1024);
    const read = await this.#conn.read(bytes);
    return read === null ? null : new TextDecoder().decode(bytes.subarray(0, read));
  }

  /** Everything up to the orderly end of the connection. */
  async rest(): Promise<string> {
    for (let piece = await this.read(); piece !== null; piece = await this.read()) {
      this.#text += piece;
    }
    return this.#take(this.#text.length);
  }

  /** One answer with a content-length. */
  async answer(): Promise<RawAnswer> {
    const [first = "", ...lines] = (await this.until("\r\n\r\n")).trimEnd().split("\r\n");
    const headers = Object.fromEntries(lines.map((line) => line.split(": ", 2)));
    const length = Number(headers["content-length"]);
    while (this.#text.length < length) {
      const piece = await this.read();
      if (piece === null) throw new Error(`closed in the body: ${this.#text}`);
      this.#text += piece;
    }
    return { status: Number(first.split(" ")[1]), headers, body: this.#take(length) };
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed before.
    }
  }

  #take(length: number): string {
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }
}

/** A whole POST as text. */
export function postText(path: string, body: unknown): string {
  const text = JSON.stringify(body);
  const length = new TextEncoder().encode(text).length;
  return `POST ${path} HTTP/1.1\r\nhost: sim\r\ncontent-length: ${length}\r\n\r\n${text}`;
}

/** Connects a client to an engine, and leaves nothing of both behind. */
export async function withClient(
  sim: { port: number; stop(): Promise<void> },
  run: (client: RawClient) => Promise<void>,
): Promise<void> {
  const client = await RawClient.connect(sim.port);
  try {
    await run(client);
  } finally {
    client.close();
    await sim.stop();
  }
}
