import type { Log } from "../observe/log.ts";
import { isOutOfDescriptors } from "../upstream/upstream_error.ts";
import type { Acceptor, Address } from "./acceptor.ts";
import type { Burst } from "./burst.ts";
import { ClientConnection, type ClientConnectionOptions } from "./client_connection.ts";
import type { Connections } from "./connections.ts";
import { turnAway } from "./turn_away.ts";

export interface AcceptLoopOptions extends ClientConnectionOptions {
  maxConnections: number;
  /** Those that are told that they are one too many, at a time. */
  maxTurnedAway: number;
  /** All connections there are, those of an earlier loop included. */
  connections: Connections;
  /** Connections that were one too many. */
  turnedAway: Burst;
  /** Accepts that failed for want of file descriptors. */
  outOfDescriptors: Burst;
  log: Log;
}

/** Between two tries to accept without free file descriptors. */
const AGAIN_MS = 100;

/** Accepts connections and owns each before HTTP begins. */
export class AcceptLoop implements Acceptor {
  readonly failed: Promise<unknown>;
  readonly #listener: Deno.TcpListener;
  readonly #options: AcceptLoopOptions;
  #stopping = false;

  /** Throws what listening throws. */
  constructor({ host, port }: Address, options: AcceptLoopOptions) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: host, port });
    this.failed = new Promise((resolve) => {
      this.#acceptAll().then((reason) => {
        if (!this.#stopping) resolve(reason);
      });
    });
  }

  get addr(): Deno.NetAddr {
    return this.#listener.addr;
  }

  async stop(): Promise<void> {
    const { connections, headTimer, keepAliveTimer, lastBytesTimer } = this.#options;
    this.#stopping = true;
    this.#close();
    connections.forEach((connection) => connection.drain());
    await connections.none();
    for (const timer of [headTimer, keepAliveTimer, lastBytesTimer]) timer.stop();
  }

  cut(): void {
    this.#options.connections.forEach((connection) => connection.cut());
  }

  /** Returns why it came to an end. */
  async #acceptAll(): Promise<unknown> {
    const { log, outOfDescriptors } = this.#options;
    for (;;) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (isOfOneConnection(error)) continue;
        if (this.#stopping || !isOutOfDescriptors(error)) {
          this.#close();
          return error;
        }
        if (outOfDescriptors.begins()) {
          const reason = (error as Error).message;
          log.error("accepting connections failed, trying again", { reason });
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  #take(socket: Deno.TcpConn): void {
    const { connections, maxConnections, turnedAway, log } = this.#options;
    if (this.#stopping) return socket.close();
    if (connections.count >= maxConnections) {
      if (turnedAway.begins()) {
        log.warn("connections are turned away", { max_connections: maxConnections });
      }
      void turnAway(socket, this.#options.maxTurnedAway);
      return;
    }
    try {
      connections.add(
        new ClientConnection(socket, this.#options, (connection) => connections.delete(connection)),
      );
    } catch (error) {
      log.debug("a connection ended as it was accepted", { reason: String(error) });
      try {
        socket.close();
      } catch {
        // it has been taken by the server, or closed
      }
    }
  }

  #close(): void {
    try {
      this.#listener.close();
    } catch {
      // closed before
    }
  }
}

/** Whether accepting failed for a connection that its client has reset meanwhile (accept(2)): others wait. */
function isOfOneConnection(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.ConnectionReset;
}
