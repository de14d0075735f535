import { readBody } from "./http_body.ts";
import { HttpError } from "./http_error.ts";
import type { HttpHead } from "./http_head.ts";
import { HttpInput } from "./http_input.ts";
import type { HttpManner } from "./http_manner.ts";
import { HttpReply } from "./http_reply.ts";
import { closeQuietly, resetConnection } from "./http_reset.ts";

/** A request: its head has arrived, its body perhaps not yet. */
export interface HttpRequest {
  method: string;
  /** What was asked for, as it came. */
  target: string;
  /** The path without its query. */
  path: string;
  /** Names in lower case; repeated headers are joined by a comma. */
  headers: Record<string, string>;
  /**
   * Reads the body, once. Rejects if it is malformed, or if the client leaves before its end. With
   * `leaveLastByte` something stays unread, so that the reply can be a reset.
   */
  body(options?: { leaveLastByte?: boolean }): Promise<Uint8Array>;
}

/** What a server does with its connections. */
export interface HttpOptions {
  /** Answers a request; what it throws ends the connection. */
  handle(request: HttpRequest, reply: HttpReply): Promise<void>;
  /** Whether requests are read without a byte too many (slower), so that they can be reset. */
  exact(): boolean;
  /** Whether the connection ends with the answer it is giving. */
  closing(): boolean;
  /** A connection on which no request arrives for so long is closed, in ms. */
  idleCloseMs: number;
  manner: HttpManner;
}

/** Why an exchange ended before its answer: the client left. */
export class ClientLeft extends Error {
  constructor() {
    super("The client has left");
    this.name = "ClientLeft";
  }
}

/** Why an exchange ended before its answer: the server broke the connection or was stopped. */
class ConnectionCut extends Error {
  constructor() {
    super("The server has cut the connection");
    this.name = "ConnectionCut";
  }
}

/** One connection: its requests in order, one after the other. */
export class HttpConnection {
  readonly #conn: Deno.TcpConn;
  readonly #options: HttpOptions;
  readonly #input: HttpInput;
  readonly #ended = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  #used = false;
  #answering = false;
  #writing = false;

  /** Starts serving at once. */
  constructor(conn: Deno.TcpConn, options: HttpOptions) {
    this.#conn = conn;
    this.#options = options;
    this.#input = new HttpInput(conn);
    this.#serve();
  }

  /** Resolved when nothing of it is left. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** Whether a request is being read or answered. */
  get answering(): boolean {
    return this.#answering;
  }

  /** Closes it at once, whatever it is doing, as `reason` says. */
  close(reason: Error = new ConnectionCut()): void {
    this.#ended.abort(reason);
    closeQuietly(this.#conn);
    // A write that the client does not take ends only with that client: nobody can wait for it.
    if (this.#writing) this.#done.resolve();
  }

  async #serve(): Promise<void> {
    try {
      this.#conn.setNoDelay(true);
      while (await this.#exchange());
    } catch (error) {
      // Left or cut: whoever handled the request has seen it. Anything else is a bug of the engine,
      // which must not pass for a simulated fault.
      if (!this.#ended.signal.aborted) console.error("The simulated engine failed:", error);
    }
    this.close();
    this.#done.resolve();
  }

  /** Reads and answers one request; false = the connection is at its end. */
  async #exchange(): Promise<boolean> {
    this.#answering = false;
    if (this.#options.closing()) return false;
    const { manner, idleCloseMs } = this.#options;
    const watched = this.#used || manner.closesUnused;
    const idle = watched ? setTimeout(() => this.close(), idleCloseMs) : undefined;
    const arrived = await this.#input.arrival();
    clearTimeout(idle);
    if (!arrived) return false;
    this.#answering = true;
    this.#used = true;
    let over = false;
    let keepAlive = false;
    let chunked = true;
    const reply = new HttpReply({
      write: (bytes) => this.#write(bytes),
      cut: () => this.close(),
      reset: () => this.#reset(),
      signal: this.#ended.signal,
      keepAlive: () => keepAlive && !this.#options.closing(),
      chunked: () => chunked,
      manner,
    });
    try {
      const text = await this.#input.head({ exact: this.#options.exact() });
      if (text === undefined) return false;
      const head = manner.parseHead(text);
      keepAlive = head.keepAlive;
      chunked = head.version === "1.1";
      let bodyRead = false;
      await this.#options.handle({
        method: head.method,
        target: head.target,
        path: head.path,
        headers: head.headers,
        body: async (options = {}) => {
          const body = await this.#body(head, options.leaveLastByte ?? false);
          bodyRead = true;
          // A pending read would take the byte that is to stay unread.
          if (!options.leaveLastByte) this.#watch(() => over);
          return body;
        },
      }, reply);
      return bodyRead && keepAlive && !this.#ended.signal.aborted;
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      keepAlive = false;
      await reply.whole(manner.malformed(error));
      return false;
    } finally {
      over = true;
    }
  }

  async #body(head: HttpHead, leaveLastByte: boolean): Promise<Uint8Array> {
    if (head.headers.expect?.toLowerCase() === "100-continue") {
      await this.#write(new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    const body = await readBody(this.#input, { head, leaveLastByte });
    if (body !== undefined) return body;
    this.close(new ClientLeft());
    throw this.#ended.signal.reason;
  }

  async #watch(over: () => boolean): Promise<void> {
    const seen = await this.#input.watch({ exact: this.#options.exact, over });
    if (seen === "gone") this.close(new ClientLeft());
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#ended.signal.throwIfAborted();
    this.#writing = true;
    try {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    } catch {
      this.close(new ClientLeft());
    } finally {
      this.#writing = false;
    }
    this.#ended.signal.throwIfAborted();
  }

  async #reset(): Promise<void> {
    this.#ended.abort(new ConnectionCut());
    await resetConnection(this.#conn);
  }
}
