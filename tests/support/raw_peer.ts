import { closeQuietly, resetConnection } from "../../src/sim/http_reset.ts";
import { within } from "./within.ts";

/** A request as it was on the wire. */
export interface PeerRequest {
  /** The index of the connection it came on. */
  readonly connection: number;
  /** Everything up to the blank line, as Latin-1. */
  readonly head: string;
  readonly method: string;
  readonly target: string;
  /** Names in lower case, in their order, repetitions kept. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Decoded if it was chunked. */
  readonly body: Uint8Array;
}

/** What a peer does with one connection. It may return early: the connection stays open. */
export type PeerScript = (conn: PeerConnection) => Promise<void> | void;

/** How a connection ended, seen from the peer: `ours` if the script closed it first. */
export type PeerEnd = "fin" | "reset" | "ours";

/**
 * A backend on bare TCP that does what its script says, byte by byte, and records all it is sent.
 *
 * ```ts
 * await using peer = RawPeer.start(async (conn) => {
 *   while (await conn.readRequest()) await conn.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
 * });
 * ```
 * Disposing closes everything and throws what a script threw.
 */
export class RawPeer implements AsyncDisposable {
  /** Every whole request, in the order they were read. */
  readonly requests: PeerRequest[] = [];
  /** Every connection, in the order they were accepted. */
  readonly connections: PeerConnection[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #script: PeerScript;
  readonly #accepting: Promise<void>;
  readonly #scripts: Promise<void>[] = [];
  readonly #changed = new Change();

  private constructor(script: PeerScript, port: number) {
    this.#script = script;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#accepting = this.#accept();
  }

  /** Listens on 127.0.0.1, on a free port unless one is given. */
  static start(script: PeerScript, { port = 0 } = {}): RawPeer {
    return new RawPeer(script, port);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** The connection with this index, as soon as there is one. */
  async connection(index: number): Promise<PeerConnection> {
    const here = this.#changed.until(() => this.connections.length > index);
    await within(here, `connection ${index} of the peer`, { seen: () => this.#seen });
    return this.connections[index]!;
  }

  /** Resolves when so many whole requests have been read. */
  async received(count: number): Promise<void> {
    const here = this.#changed.until(() => this.requests.length >= count);
    await within(here, `${count} requests at the peer`, { seen: () => this.#seen });
  }

  /** Refuses new connections from now on; those it has stay. */
  stopListening(): void {
    try {
      this.#listener.close();
    } catch {
      // closed before
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopListening();
    await within(this.#accepting, "the peer stops listening");
    for (const connection of this.connections) connection.close();
    const scripts = Promise.allSettled(this.#scripts);
    const seen = (): unknown => this.#seen;
    for (const result of await within(scripts, "every script of the peer has ended", { seen })) {
      if (result.status === "rejected") throw result.reason;
    }
  }

  get #seen(): unknown {
    return { connections: this.connections.length, heads: this.requests.map(({ head }) => head) };
  }

  async #accept(): Promise<void> {
    for (;;) {
      let socket: Deno.TcpConn;
      try {
        socket = await this.#listener.accept();
      } catch {
        return; // closed
      }
      const connection = new PeerConnection(socket, {
        index: this.connections.length,
        onRequest: (request) => {
          this.requests.push(request);
          this.#changed.happened();
        },
      });
      this.connections.push(connection);
      const script = connection.run(this.#script);
      script.catch(() => {}); // thrown when the peer is disposed
      this.#scripts.push(script);
      this.#changed.happened();
    }
  }
}

/**
 * One connection of a peer. All that comes is read and recorded at once, unless the script begins
 * with `hold()`.
 */
export class PeerConnection {
  readonly index: number;
  /** The size of each read: with pauses between them, the size of each segment that came. */
  readonly reads: number[] = [];
  readonly #socket: Deno.TcpConn;
  readonly #onRequest: (request: PeerRequest) => void;
  readonly #end = Promise.withResolvers<PeerEnd>();
  readonly #changed = new Change();
  #bytes = new Uint8Array(64 * 1024);
  #size = 0;
  /** Up to where requests have been taken. */
  #taken = 0;
  #held = false;
  #ended = false;
  #unread = false;

  constructor(
    socket: Deno.TcpConn,
    { index, onRequest }: { index: number; onRequest: (request: PeerRequest) => void },
  ) {
    this.#socket = socket;
    this.#socket.setNoDelay();
    this.index = index;
    this.#onRequest = onRequest;
  }

  /** Runs a script; reading begins once its first synchronous part has run. */
  async run(script: PeerScript): Promise<void> {
    const running = script(this);
    if (!this.#held) this.#readAll();
    await running;
  }

  /** Every byte that came so far. */
  get received(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** How the connection ended: awaiting it is awaiting that end. */
  get closedByPeer(): Promise<PeerEnd> {
    return this.#within(this.#end.promise, "the connection ends");
  }

  /** Whether this end or the other has closed it. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * To be called first in a script: from now on only `readRequest` reads, and it leaves the last
   * byte in the kernel, so that `reset()` can send an RST, and a large body is not taken at all.
   */
  hold(): void {
    this.#held = true;
  }

  /** Ends `hold()`: what has not been read is read from now on. */
  release(): void {
    this.#held = false;
    this.#unread = false;
    this.#readAll();
  }

  /** Resolves when so many bytes have come in all, or the connection has ended. */
  async receivedAtLeast(count: number): Promise<void> {
    const here = this.#changed.until(() => this.#size >= count || this.#ended);
    await this.#within(here, `${count} bytes at the peer`);
  }

  /** The next request with all its body; undefined if the connection ends before it is whole. */
  async readRequest(): Promise<PeerRequest | undefined> {
    for (;;) {
      const head = await this.#head();
      const request = head && await this.#withBody(head);
      if (request === undefined) return undefined;
      this.#onRequest(request);
      return request;
    }
  }

  /**
   * The head of the next request, its body untouched and unread by `readRequest`. Undefined if the
   * connection ends first.
   */
  async readHead(): Promise<string | undefined> {
    const found = await this.#head();
    return found?.text;
  }

  /** Sends all of it; false if the client has gone. A string is sent as Latin-1. */
  async write(data: string | Uint8Array): Promise<boolean> {
    const bytes = typeof data === "string" ? latin1Bytes(data) : data;
    try {
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
      return true;
    } catch {
      return false;
    }
  }

  /** Sends FIN and reads on. */
  async end(): Promise<void> {
    await this.#socket.closeWrite().catch(() => {});
  }

  /** Closes both directions in an orderly way. */
  close(): void {
    if (this.#ended) return;
    this.#finish("ours");
    closeQuietly(this.#socket);
  }

  /** Breaks the connection: the client sees RST and no FIN. Needs `hold()` and a request read. */
  async reset(): Promise<void> {
    if (!this.#unread) throw new Error("reset() needs hold() and a byte that was not read");
    this.#finish("ours");
    await resetConnection(this.#socket);
  }

  #within<T>(promise: Promise<T>, what: string): Promise<T> {
    return within(promise, what, { seen: () => latin1(this.received.slice(-2000)) });
  }

  async #readAll(): Promise<void> {
    try {
      for (;;) if (!await this.#read(64 * 1024)) return this.#finish("fin");
    } catch {
      this.#finish("reset");
    } finally {
      closeQuietly(this.#socket);
    }
  }

  #finish(end: PeerEnd): void {
    this.#ended = true;
    this.#end.resolve(end);
    this.#changed.happened();
  }

  async #read(most: number): Promise<boolean> {
    if (this.#bytes.length - this.#size < most) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + most));
      larger.set(this.received);
      this.#bytes = larger;
    }
    const count = await this.#socket.read(this.#bytes.subarray(this.#size, this.#size + most));
    if (count === null) return false;
    this.#size += count;
    this.reads.push(count);
    this.#changed.happened();
    return true;
  }

  /** More bytes, of which a held connection reads `most` at most. False at the end. */
  async #more(most: number): Promise<boolean> {
    if (this.#held) {
      const came = await this.#read(most).catch(() => false);
      if (!came && !this.#ended) this.#finish("fin");
      return came;
    }
    if (this.#ended) return false;
    await this.#changed.next();
    return true;
  }

  async #head(): Promise<{ text: string; bodyAt: number } | undefined> {
    for (;;) {
      const text = latin1(this.#bytes.subarray(this.#taken, this.#size));
      const end = text.indexOf("\r\n\r\n");
      if (end !== -1) return { text: text.slice(0, end), bodyAt: this.#taken + end + 4 };
      const bodyless = /\r\n\r$/.test(text) &&
        !/\r\n(content-length|transfer-encoding):/i.test(text);
      if (this.#held && bodyless) {
        this.#unread = true;
        return { text: text.slice(0, -3), bodyAt: this.#size };
      }
      if (!await this.#more(1)) return undefined;
    }
  }

  async #withBody(
    { text, bodyAt }: { text: string; bodyAt: number },
  ): Promise<PeerRequest | undefined> {
    const [first = "", ...lines] = text.split("\r\n");
    const [method = "", target = ""] = first.split(" ");
    const headers = lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    const valueOf = (name: string): string | undefined =>
      headers.find(([key]) => key === name)?.[1];
    const request = { connection: this.index, head: text, method, target, headers };
    if (valueOf("transfer-encoding") !== undefined) {
      const body = await this.#chunked(bodyAt);
      return body && { ...request, body };
    }
    const length = Number(valueOf("content-length") ?? 0);
    const leave = this.#held && length > 0 ? 1 : 0;
    const until = bodyAt + length - leave;
    while (this.#size < until) {
      if (!await this.#more(until - this.#size)) return undefined;
    }
    if (leave === 1) this.#unread = true;
    this.#taken = until;
    return { ...request, body: this.#bytes.slice(bodyAt, until) };
  }

  async #chunked(from: number): Promise<Uint8Array | undefined> {
    const body: number[] = [];
    for (let at = from;;) {
      const line = await this.#line(at);
      if (line === undefined) return undefined;
      const size = parseInt(line, 16);
      at += line.length + 2;
      while (this.#size < at + size + 2) if (!await this.#more(1)) return undefined;
      if (size === 0) {
        this.#taken = at + 2;
        return new Uint8Array(body);
      }
      for (const byte of this.#bytes.subarray(at, at + size)) body.push(byte);
      at += size + 2;
    }
  }

  async #line(at: number): Promise<string | undefined> {
    for (;;) {
      const text = latin1(this.#bytes.subarray(at, this.#size));
      const end = text.indexOf("\r\n");
      if (end !== -1) return text.slice(0, end);
      if (!await this.#more(1)) return undefined;
    }
  }
}

/** Wakes those who wait for something to change. */
class Change {
  #next = Promise.withResolvers<void>();

  next(): Promise<void> {
    return this.#next.promise;
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.next();
  }

  happened(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}

/** Code points 0-255 as bytes. */
export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes as code points 0-255. */
export function latin1(bytes: Uint8Array): string {
  let text = ""; // TextDecoder's "latin1" is windows-1252
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
