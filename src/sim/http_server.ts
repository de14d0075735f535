import { HttpConnection, type HttpOptions, type HttpRequest } from "./http_connection.ts";
import { type HttpManner, PLAIN } from "./http_manner.ts";
import type { HttpReply } from "./http_reply.ts";

/** Where a server listens, and what it does. */
export interface HttpServerOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  /** A connection on which no request arrives for so long is closed, in ms. */
  idleCloseMs: number;
  /** Answers a request. */
  handle(request: HttpRequest, reply: HttpReply): Promise<void>;
  /** Whether requests are read so that they can be answered by a reset. */
  exact(): boolean;
  /** Default: plain. */
  manner?: HttpManner;
}

// Long enough for whoever took the port meanwhile to let go of it, short enough not to be noticed.
const RETRY_MS = 20;

/**
 * A small HTTP/1.1 server on raw sockets: unlike `Deno.serve` it can refuse, reset and cut
 * connections at any point, which is what the simulated engine is for.
 */
export class HttpServer {
  /** The port it listens on, the same after every `resume()`. */
  readonly port: number;
  readonly #host: string;
  readonly #connections = new Set<HttpConnection>();
  readonly #connectionOptions: HttpOptions;
  #listener: Deno.TcpListener | undefined;
  #accepting: Promise<void> = Promise.resolve();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /** Listens at once; throws what `Deno.listen` throws. */
  constructor(options: HttpServerOptions) {
    this.#host = options.host;
    this.#connectionOptions = {
      handle: options.handle,
      exact: options.exact,
      closing: () => this.#listener === undefined,
      idleCloseMs: options.idleCloseMs,
      manner: options.manner ?? PLAIN,
    };
    this.port = this.#listen(options.port);
  }

  /** Refuses new connections and closes idle ones; running answers go on to their end. */
  pause(): void {
    clearTimeout(this.#retry);
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of this.#connections) {
      if (!connection.answering) connection.close();
    }
  }

  /** Closes every connection, whatever it is doing, as the end of a process does. */
  cut(): void {
    for (const connection of this.#connections) connection.close();
  }

  /** Accepts connections again, on the same port. */
  resume(): void {
    if (this.#stopped || this.#listener !== undefined) return;
    clearTimeout(this.#retry);
    try {
      this.#listen(this.port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      this.#retry = setTimeout(() => this.resume(), RETRY_MS);
    }
  }

  /** Closes the listener and every connection, whatever it is doing. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.pause();
    this.cut();
    await Promise.all([...this.#connections].map((connection) => connection.done));
    await this.#accepting;
  }

  #listen(port: number): number {
    const listener = Deno.listen({ hostname: this.#host, port });
    this.#listener = listener;
    const before = this.#accepting;
    this.#accepting = before.then(() => this.#accept(listener));
    return listener.addr.port;
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    while (this.#listener === listener) {
      try {
        const conn = await listener.accept();
        // It may have been accepted in the moment of `pause()`.
        if (this.#listener === listener) this.#add(conn);
        else conn.close();
      } catch {
        // Either the listener was closed, or this one connection broke off early.
      }
    }
  }

  #add(conn: Deno.TcpConn): void {
    const connection = new HttpConnection(conn, this.#connectionOptions);
    this.#connections.add(connection);
    connection.done.then(() => this.#connections.delete(connection));
  }
}
