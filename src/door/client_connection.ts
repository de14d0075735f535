import type { Handler, Peer } from "../proxy/peer.ts";
import type { SharedTimer, Waiting } from "../proxy/shared_timer.ts";
import type { HttpOnConnection, ServeHttpOnConnection } from "./http_on_connection.ts";

export interface ClientConnectionOptions {
  serve: ServeHttpOnConnection;
  handler: Handler;
  /** Runs `timeouts.head`. */
  headTimer: SharedTimer;
  /** Runs `timeouts.keep_alive`. */
  keepAliveTimer: SharedTimer;
  /** The same, or `timeouts.client_stall` if that is longer, while a client may still be reading. */
  lastBytesTimer: SharedTimer;
  /** What the handler throws is a defect of ours: this logs it and makes an answer. */
  onDefect: (error: unknown) => Response;
}

/**
 * One client's connection, from accept to its end. Between requests a limit runs: from accept to the
 * first request's arrival, then from each answer's end to the next request's. A head that comes half
 * is therefore bounded, too.
 */
export class ClientConnection implements Peer {
  readonly address: string;
  /** All connections have the same, and its timers may become others. */
  readonly #options: ClientConnectionOptions;
  readonly #onEnd: (connection: ClientConnection) => void;
  readonly #http: HttpOnConnection;
  #abort: (() => void) | undefined;
  /** Requests whose answers have not ended; more than one only with HTTP/2. */
  #open = 0;
  #limit: { readonly timer: SharedTimer; readonly waiting: Waiting } | undefined;
  readonly #leaving: (() => void)[] = [];
  #draining = false;
  #ended = false;

  /** `onEnd` is called once, when the connection has ended. */
  constructor(
    socket: Deno.TcpConn,
    options: ClientConnectionOptions,
    onEnd: (connection: ClientConnection) => void,
  ) {
    this.#options = options;
    this.#onEnd = onEnd;
    // An IPv4 client of a socket that listens on `::` is one of IPv4 to everybody else.
    this.address = socket.remoteAddr.hostname.replace(/^::ffff:(?=[\d.]+$)/i, "");
    // Else a second small write waits up to 40 ms for the client to acknowledge the first.
    socket.setNoDelay(true);
    this.#http = options.serve(
      socket,
      { addEventListener: (_type, listener) => this.#abort = listener },
      (request) => {
        this.#open++;
        this.#endLimit();
        return options.handler(request, this);
      },
      options.onDefect,
      () => {},
    );
    this.#begin(options.headTimer);
    const ended = (): void => {
      this.#end();
      // Of a connection that its client broke off Deno keeps 2 KB for ever, unless it is shut down as well: 285 MiB
      // for 150 000 of them.
      this.#http.shutdown().catch(() => {});
    };
    this.#http.finished.then(ended, ended);
  }

  get left(): boolean {
    return this.#ended;
  }

  onLeft(listener: () => void): void {
    this.#leaving.push(listener);
  }

  offLeft(listener: () => void): void {
    const at = this.#leaving.indexOf(listener);
    if (at !== -1) this.#leaving.splice(at, 1);
  }

  answered({ unread = false } = {}): void {
    if (this.#open === 0 || --this.#open > 0 || this.#ended) return;
    const { keepAliveTimer, lastBytesTimer } = this.#options;
    if (this.#draining) this.#shutDown();
    else this.#begin(unread ? lastBytesTimer : keepAliveTimer);
  }

  cut(): void {
    if (this.#ended) return;
    try {
      this.#abort?.();
    } catch {
      // it has just ended by itself
    }
  }

  /** Takes no further request: closes now if none is open, else once it has been answered. */
  drain(): void {
    this.#draining = true;
    if (this.#open === 0 && !this.#ended) this.#shutDown();
  }

  #shutDown(): void {
    this.#endLimit();
    this.#http.shutdown().catch(() => {}); // a client that leaves meanwhile
  }

  #begin(timer: SharedTimer): void {
    this.#endLimit();
    this.#limit = { timer, waiting: timer.add(() => this.cut()) };
  }

  #endLimit(): void {
    this.#limit?.timer.delete(this.#limit.waiting);
    this.#limit = undefined;
  }

  #end(): void {
    this.#ended = true;
    this.#endLimit();
    for (const listener of this.#leaving.splice(0)) listener();
    this.#onEnd(this);
  }
}
