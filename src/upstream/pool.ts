import type { Connection } from "./connection.ts";

export interface PoolOptions {
  /** Idle connections older than this are closed, milliseconds. uvicorn closes its side at 5 s. */
  idleMs: number;
  /** At most so many idle connections are kept. */
  maxIdle: number;
  /** A monotonic clock, milliseconds. */
  now: () => number;
}

/** A server's limit of n seconds may end sooner at our end: its clock started when it had answered. */
const EARLIER_MS = 500;

/** A peer that closes younger connections than this does not close them for their age. */
const MIN_HABIT_MS = 100;
const HABIT_SHARE = 0.8;
/** The end of a restarted server looks like a habit, too, so none is believed for longer. */
const HABIT_LASTS_MS = 60_000;

/**
 * The idle connections of one backend, last in first out, so that the surplus grows old.
 *
 * A connection is kept no longer than its server says (`Keep-Alive: timeout=n`). If the peer was seen
 * to close an idle one, then for a minute all are kept for 80 % of its age at most: a request that
 * meets the close is lost.
 */
export class Pool {
  readonly #options: PoolOptions;
  /** Oldest first. */
  readonly #idle: Connection[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, on the clock. */
  #timerAt = Infinity;
  #closed = false;
  /** For how long the peer is believed to keep idle connections, until `#habitUntil`. */
  #habitMs = Infinity;
  #habitUntil = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#idle.length;
  }

  /** The connection that became idle last, or `undefined`. */
  take(): Connection | undefined {
    const now = this.#options.now();
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.idleUntil > now) return connection;
      connection.close(); // the timer is merely late
    }
  }

  /**
   * Keeps a connection whose last answer was read to its end. `serverMs` is how long its server says
   * it keeps it.
   */
  put(connection: Connection, serverMs = Infinity): void {
    const { idleMs, maxIdle, now } = this.#options;
    const since = now();
    const keepMs = Math.min(idleMs, serverMs - EARLIER_MS, this.#habit(since));
    // Bytes nobody asked for: the framing cannot be trusted.
    const unsolicited = connection.start !== connection.end;
    if (this.#closed || connection.closed || unsolicited || maxIdle === 0 || keepMs <= 0) {
      connection.close();
      return;
    }
    if (this.#idle.length >= maxIdle) this.#idle.shift()!.close();
    connection.idleSince = since;
    connection.idleUntil = since + keepMs;
    this.#idle.push(connection);
    const drop = (count?: unknown): void => this.#drop(connection, count === null);
    connection.readAhead().then(drop, drop);
    if (connection.idleUntil < this.#timerAt) this.#arm(connection.idleUntil);
  }

  /** Whether a connection from here is of an age at which the peer is known to close idle ones. */
  tooOld({ idleSince }: Connection): boolean {
    const now = this.#options.now();
    return now - idleSince >= this.#habit(now);
  }

  /** To be told of a connection from here whose peer had closed it before it could be used. */
  peerClosed({ idleSince }: Connection): void {
    const now = this.#options.now();
    const age = now - idleSince;
    if (age < MIN_HABIT_MS) return;
    this.#habitMs = Math.min(this.#habit(now), age * HABIT_SHARE);
    this.#habitUntil = now + HABIT_LASTS_MS;
    for (const connection of this.#idle) {
      const until = connection.idleSince + this.#habitMs;
      connection.idleUntil = Math.min(connection.idleUntil, until);
    }
    this.#evict();
  }

  /** Closes every idle connection, and from now on every one that is put back. */
  close(): void {
    this.#closed = true;
    this.closeIdle();
  }

  /** Closes every idle connection. */
  closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
    this.#disarm();
  }

  #habit(now: number): number {
    return now < this.#habitUntil ? this.#habitMs : Infinity;
  }

  /** An idle connection whose read returned has been closed by the peer, or talks out of turn. */
  #drop(connection: Connection, orderly: boolean): void {
    const index = this.#idle.indexOf(connection);
    if (index === -1) return; // it was taken; the read belongs to its next exchange
    this.#idle.splice(index, 1);
    connection.close();
    if (orderly) this.peerClosed(connection);
  }

  /** Closes what is too old, and sets the timer for what will be next. */
  #evict(): void {
    const now = this.#options.now();
    let next = Infinity;
    let kept = 0;
    for (const connection of this.#idle) {
      if (connection.idleUntil <= now) {
        connection.close();
      } else {
        next = Math.min(next, connection.idleUntil);
        this.#idle[kept++] = connection;
      }
    }
    this.#idle.length = kept;
    if (next === Infinity) this.#disarm();
    else this.#arm(next);
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const wait = at - this.#options.now();
    this.#timer = setTimeout(() => this.#evict(), Math.max(1, Math.ceil(wait)));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }
}
