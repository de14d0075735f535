import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import { SharedTimer } from "../proxy/shared_timer.ts";
import { AcceptLoop } from "./accept_loop.ts";
import type { Acceptor, Address } from "./acceptor.ts";
import { Burst } from "./burst.ts";
import type { ClientConnection, ConnectionHandler } from "./client_connection.ts";
import { affordableConnections } from "./free_descriptors.ts";
import { findServeHttpOnConnection, type ServeHttpOnConnection } from "./http_on_connection.ts";
import { PlainServer } from "./plain_server.ts";

export interface ListenerOptions {
  config: Pick<Config, "listen" | "limits" | "timeouts">;
  handler: ConnectionHandler;
  log: Log;
  /** Monotonic clock, milliseconds. */
  now: () => number;
  /** How HTTP is served on an accepted connection; undefined where the runtime cannot. */
  serve?: ServeHttpOnConnection | undefined;
}

/** Between two tries to listen again. */
const AGAIN_MS = 200;

/** Between two lines in the log about a port that cannot be had again. */
const TELL_AGAIN_MS = 60_000;

/** Events that are less than this apart are one burst. */
const QUIET_MS = 10_000;

/**
 * The listening port: our own accept loop in front of Deno's HTTP server, or `Deno.serve` where there
 * is no such thing. When accepting fails for good it listens again, and running answers go on meanwhile.
 */
export class Listener {
  readonly host: string;
  readonly port: number;
  /** Resolves when the port was lost and could not be had again for `listen.give_up`. */
  readonly lost: Promise<void>;
  readonly #options: ListenerOptions;
  readonly #onDefect = (error: unknown): Response => {
    this.#options.log.error("internal error", { error });
    return new Response(null, { status: 500 });
  };
  readonly #open: (address: Address) => Acceptor;
  readonly #timers: SharedTimer[] = [];
  readonly #giveUp = Promise.withResolvers<void>();
  #acceptor: Acceptor;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;

  /** Throws what listening throws if the address cannot be had. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    const { config, handler, log } = options;
    const serve = "serve" in options ? options.serve : findServeHttpOnConnection();
    if (serve === undefined) {
      log.warn(
        "this runtime lets nobody own its connections: limits.max_connections, timeouts.head and " +
          "timeouts.keep_alive have no effect, and events may come 40 ms late",
        { deno: Deno.version.deno },
      );
      this.#open = (address) => new PlainServer(address, { handler, onDefect: this.#onDefect });
    } else this.#open = this.#acceptLoops(serve);
    this.#acceptor = this.#listen(config.listen);
    const { addr } = this.#acceptor;
    this.host = addr.hostname;
    this.port = addr.port;
    this.lost = this.#giveUp.promise;
  }

  /** Takes no new connection; resolves when those it has are done. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#acceptor.stop();
    for (const timer of this.#timers) timer.stop();
  }

  /** Ends all connections at once. */
  cut(): void {
    this.#acceptor.cut();
  }

  #acceptLoops(serve: ServeHttpOnConnection): (address: Address) => Acceptor {
    const { config: { limits, timeouts }, handler, log, now } = this.#options;
    const maxConnections = affordableConnections(limits.maxConnections);
    if (maxConnections < limits.maxConnections) {
      log.warn("fewer client connections than limits.max_connections: file descriptors are few", {
        max_connections: maxConnections,
        configured: limits.maxConnections,
      });
    }
    const headTimer = new SharedTimer(timeouts.headMs, now);
    const keepAliveTimer = new SharedTimer(timeouts.keepAliveMs, now);
    this.#timers.push(headTimer, keepAliveTimer);
    const options = {
      serve,
      handler,
      onDefect: this.#onDefect,
      log,
      maxConnections,
      headTimer,
      keepAliveTimer,
      connections: new Set<ClientConnection>(),
      turnedAway: new Burst({ quietMs: QUIET_MS, now }),
      outOfDescriptors: new Burst({ quietMs: QUIET_MS, now }),
    };
    return (address) => new AcceptLoop(address, options);
  }

  #listen(address: Address): Acceptor {
    const acceptor = this.#open(address);
    acceptor.failed.then((error) => this.#failed(error));
    return acceptor;
  }

  #failed(error: unknown): void {
    if (this.#stopping) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.error("accepting connections failed, listening again", { reason });
    const { now } = this.#options;
    this.#again({ since: now(), told: -Infinity });
  }

  #again({ since, told }: { since: number; told: number }): void {
    const { log, now, config } = this.#options;
    this.#timer = setTimeout(() => {
      try {
        this.#acceptor = this.#listen(this);
      } catch (error) {
        if (now() - since >= config.listen.giveUpMs) {
          log.error("the port cannot be had again, giving up", { port: this.port });
          return this.#giveUp.resolve();
        }
        const tell = now() - told >= TELL_AGAIN_MS;
        if (tell) {
          const reason = error instanceof Error ? error.message : String(error);
          log.error("the port cannot be had again, still trying", { port: this.port, reason });
        }
        this.#again({ since, told: tell ? now() : told });
      }
    }, AGAIN_MS);
  }
}
