import type { Acceptor, Address } from "./acceptor.ts";
import type { ClientConnectionOptions } from "./client_connection.ts";
import { SignalPeer } from "./signal_peer.ts";

/** `Deno.serve` as it is, for a runtime that serves no connection accepted by somebody else. */
export class PlainServer implements Acceptor {
  readonly failed: Promise<unknown>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Throws what listening throws. */
  constructor(
    { host, port }: Address,
    { handler, onDefect }: Pick<ClientConnectionOptions, "handler" | "onDefect">,
  ) {
    // Deno would let this variable move whatever is served first.
    Deno.env.delete("DENO_SERVE_ADDRESS");
    this.#server = Deno.serve(
      { hostname: host, port, onError: onDefect, onListen: () => {} },
      (request, { remoteAddr }) =>
        handler(request, new SignalPeer(remoteAddr.hostname, request.signal)),
    );
    this.failed = new Promise((resolve) => this.#server.finished.catch(resolve));
  }

  get addr(): Deno.NetAddr {
    return this.#server.addr;
  }

  stop(): Promise<void> {
    return this.#server.shutdown();
  }

  /** It cannot: a server that is shutting down can no longer be aborted. */
  cut(): void {}
}
