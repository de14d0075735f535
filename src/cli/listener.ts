import type { Log } from "../observe/log.ts";
import { listenError } from "./listen_error.ts";

export interface ListenerOptions {
  handler: Deno.ServeHandler<Deno.NetAddr>;
  log: Log;
}

/** Between two tries to listen again after accepting connections has failed. */
const AGAIN_MS = 200;

/**
 * The listening server. When accepting fails, as it does without free file descriptors, Deno ends the
 * whole server: this one listens again on the same port, and running answers go on meanwhile.
 */
export class Listener {
  readonly host: string;
  readonly port: number;
  readonly #options: ListenerOptions;
  #server: Deno.HttpServer<Deno.NetAddr>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;

  /** Throws `CliError` if the address cannot be had. */
  constructor({ host, port }: { host: string; port: number }, options: ListenerOptions) {
    this.#options = options;
    // Deno would let this variable move whatever is served first.
    Deno.env.delete("DENO_SERVE_ADDRESS");
    try {
      this.#server = this.#listen({ host, port });
    } catch (error) {
      throw listenError(error, { host, port });
    }
    const { addr } = this.#server;
    this.host = addr.hostname;
    this.port = addr.port;
  }

  /** Takes no new connection; resolves when those it has are done. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#server.shutdown();
  }

  #listen({ host, port }: { host: string; port: number }): Deno.HttpServer<Deno.NetAddr> {
    const server = Deno.serve(
      { hostname: host, port, onListen: () => {} },
      this.#options.handler,
    );
    server.finished.catch((error: unknown) => this.#failed(error));
    return server;
  }

  #failed(error: unknown): void {
    if (this.#stopping) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.error("accepting connections failed, listening again", { reason });
    this.#again();
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      try {
        this.#server = this.#listen(this);
      } catch {
        this.#again();
      }
    }, AGAIN_MS);
  }
}
