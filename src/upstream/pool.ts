import type { Connection } from "./connection.ts";

export interface PoolOptions {
  /** Idle connections older than this are closed, milliseconds. uvicorn closes its side at 5 s. */
  idleMs: number;
  /** At most so many idle connections are kept. */
  maxIdle: number;
  /** A monotonic clock, milliseconds. */
  now: () => number;
}

/** The idle connections of one backend, last in first out, so that the surplus grows old. */
export class Pool {
  readonly #options: PoolOptions;
  /** Oldest first. */
  readonly #idle: Connection[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#idle.length;
  }

  /** The connection that became idle last, or `undefined`. */
  take(): Connection | undefined {
    const oldest = this.#options.now() - this.#options.idleMs;
    const connection = this.#idle.pop();
    if (connection === undefined || connection.idleSince > oldest) return connection;
    connection.close(); // the newest is too old, so all are; the timer is merely late
    this.#evict();
    return undefined;
  }

  /** Keeps a connection whose last answer was read to its end. */
  put(connection: Connection): void {
    const { maxIdle, now } = this.#options;
    // Bytes nobody asked for: the framing cannot be trusted.
    const unsolicited = connection.start !== connection.end;
    if (this.#closed || connection.closed || unsolicited || maxIdle === 0) {
      connection.close();
      return;
    }
    if (this.#idle.length >= maxIdle) this.#idle.shift()!.close();
    connection.idleSince = now();
    this.#idle.push(connection);
    const drop = (): void => this.#drop(connection);
    connection.readAhead().then(drop, drop);
    this.#arm();
  }

  /** Closes every idle connection, and from now on every one that is put back. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** An idle connection whose read returned has been closed by the peer, or talks out of turn. */
  #drop(connection: Connection): void {
    const index = this.#idle.indexOf(connection);
    if (index === -1) return; // it was taken; the read belongs to its next exchange
    this.#idle.splice(index, 1);
    connection.close();
  }

  #evict(): void {
    const oldest = this.#options.now() - this.#options.idleMs;
    while (this.#idle.length > 0 && this.#idle[0]!.idleSince <= oldest) this.#idle.shift()!.close();
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    const wait = this.#idle[0]!.idleSince + this.#options.idleMs - this.#options.now();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#evict();
      if (this.#idle.length > 0) this.#arm();
    }, Math.max(1, Math.ceil(wait)));
  }
}
