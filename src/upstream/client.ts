import type { Flow } from "../flow.ts";
import { ResponseBody } from "./body.ts";
import { Connection } from "./connection.ts";
import { Connector } from "./connector.ts";
import { Pool } from "./pool.ts";
import {
  type EncodedRequest,
  encodeRequest,
  giveBack,
  type UpstreamRequest,
} from "./request_head.ts";
import { type Resolve, resolveHost } from "./resolve_host.ts";
import { findHeadEnd, type Header, parseResponseHead, type ResponseHead } from "./response_head.ts";
import type { Stop } from "./stop.ts";
import { fromSocket, UpstreamError } from "./upstream_error.ts";

export interface UpstreamClientOptions {
  host: string;
  port: number;
  /** How long an idle connection is kept at most, milliseconds. */
  idleMs?: number;
  /** How many idle connections are kept. */
  maxIdle?: number;
  /** A monotonic clock, milliseconds. */
  now?: () => number;
  /** Gives the addresses of `host`. */
  resolve?: Resolve;
  /** Has others give up idle connections, when this process is out of descriptors or ports. */
  makeRoom?: () => void;
}

/** What has been closed is free a little later; so long is waited between tries, milliseconds. */
const ROOM_AFTER_MS = [1, 10, 50];

export interface SendOptions {
  /** Bounds the making of a connection, milliseconds. */
  connectTimeoutMs: number;
  /** Closes the socket at once, in every phase up to the end of the body. */
  stop: Stop;
  /** Whether a connection is made for this request; else an idle one is used if there is one. */
  fresh?: boolean;
  /** Counts the pieces of the answer's body. */
  flow?: Flow;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: readonly Header[];
  /** Whether the request had gone out whole when the head of its answer came. */
  readonly requestSent: boolean;
  readonly body: ResponseBody;
}

/**
 * What the kernel takes at once on a connection whose last request is answered, whatever the peer does: the
 * least that Linux gives a socket is more. Of larger requests, the end of the connection must end the
 * waiting: closing a socket in Deno ends a read that waits, but not a write.
 */
const AT_ONCE_BYTES = 32 * 1024;

/** A server that sends more interim answers than this to one request is broken. */
const MAX_INTERIM = 16;

/**
 * An HTTP/1.1 client for one backend: keep-alive, strict parsing, and every failure told as an
 * `UpstreamError` that says what can have been delivered. It never sends anything twice; whether
 * to try again is `proxy/dispatch.ts`'s to decide.
 */
export class UpstreamClient {
  readonly #connector: Connector;
  readonly #hostHeader: string;
  readonly #pool: Pool;

  readonly #makeRoom: (() => void) | undefined;

  constructor(options: UpstreamClientOptions) {
    const { host, port, idleMs = 3000, maxIdle = 256, now, resolve = resolveHost } = options;
    this.#makeRoom = options.makeRoom;
    this.#connector = new Connector({ host, port, resolve });
    const name = host.includes(":") ? `[${host}]` : host;
    this.#hostHeader = port === 80 ? name : `${name}:${port}`;
    this.#pool = new Pool({ idleMs, maxIdle, now: now ?? (() => performance.now()) });
  }

  /**
   * Sends one request and returns once the head of its answer is here.
   * Throws `UpstreamError`; so does reading the body. A request that cannot be written throws
   * `TypeError` before a connection is touched: a defect of ours, not the backend's.
   */
  async send(request: UpstreamRequest, options: SendOptions): Promise<UpstreamResponse> {
    const { stop } = options;
    if (stop.stopped) throw new UpstreamError("aborted", "aborted", { phase: "connect" });
    let encoded = encodeRequest(request, this.#hostHeader);
    const kept = options.fresh ? undefined : this.#pool.take();
    if (kept === undefined) giveBack(encoded.first); // connecting may take long, and encoding does not
    const connection = kept ?? await this.#connect(options);
    if (kept === undefined) {
      if (stop.stopped) { // in the same turn in which the connection came
        connection.close();
        throw new UpstreamError("aborted", "aborted", { phase: "connect" });
      }
      encoded = encodeRequest(request, this.#hostHeader);
    }
    const reused = connection.uses++ > 0;
    const onAbort = (): void => connection.close();
    stop.on(onAbort);
    const progress = { delivered: false, answered: false };
    try {
      await this.#write(connection, encoded, progress);
      const head = await this.#head(connection, request.method, progress);
      if (reused && isOfIdleness(head)) {
        const error = new UpstreamError("closed", "the backend gave up an idle connection", {
          phase: "head",
        });
        throw Object.assign(error, { stale: true });
      }
      const body = new ResponseBody(connection, {
        framing: head.framing,
        flow: options.flow,
        onEnd: (error) => {
          stop.off(onAbort);
          if (error !== undefined) this.#describe(error, { ...progress, reused });
          // An answer that outran its request leaves a connection on which the rest still goes out.
          else if (head.keepAlive && progress.delivered) {
            this.#pool.put(connection, head.keepAliveMs);
          } else connection.close();
        },
      });
      const { status, headers } = head;
      return { status, headers, requestSent: progress.delivered, body };
    } catch (error) {
      const phase = progress.delivered ? "head" : "write";
      let typed = this.#describe(fromSocket(error, phase), { ...progress, reused });
      const stale = !stop.stopped && (typed.stale || await this.#isStale(typed, connection));
      stop.off(onAbort);
      connection.close();
      if (stop.stopped) {
        const aborted = new UpstreamError("aborted", "aborted", { phase });
        typed = this.#describe(aborted, { ...progress, reused });
      } else if (stale) {
        typed.stale = true;
        typed.delivered = false;
        this.#pool.peerClosed(connection);
      }
      throw typed;
    }
  }

  /** Whether the peer ended a kept connection before it could read what was written, or for its age. */
  async #isStale(error: UpstreamError, connection: Connection): Promise<boolean> {
    if (!error.reused || error.answered || !isPeersEnd(error)) return false;
    if (!error.delivered) return true;
    return error.kind === "closed" && await connection.endedUnread() ||
      this.#pool.tooOld(connection);
  }

  /** Closes idle connections; others may become so. */
  closeIdle(): void {
    this.#pool.closeIdle();
  }

  /** Closes idle connections now, and those in use when their answers end. */
  close(): void {
    this.#pool.close();
  }

  #describe(
    error: UpstreamError,
    facts: { delivered: boolean; answered: boolean; reused: boolean },
  ): UpstreamError {
    return Object.assign(error, facts);
  }

  /**
   * Writes the request, or as much of it as its server wants: one may answer (413) and close before it
   * has taken all of a large body, and that answer must not be lost. What was lent is given back when it
   * has been written.
   */
  async #write(
    connection: Connection,
    { first, rest }: EncodedRequest,
    progress: { delivered: boolean },
  ): Promise<void> {
    try {
      if (rest === undefined && first.length <= AT_ONCE_BYTES) {
        await connection.write(first).finally(() => giveBack(first));
        progress.delivered = true;
      } else {
        const written = writeAll(connection, first, rest);
        written.then(() => progress.delivered = true, () => {});
        await Promise.race([written, answerBegins(connection)]);
      }
    } catch (error) {
      if (!await answerBegins(connection)) throw error;
    }
  }

  /** Reads the final head; interim ones are skipped. */
  async #head(
    connection: Connection,
    method: string,
    progress: { delivered: boolean; answered: boolean },
  ): Promise<ResponseHead> {
    for (let interim = 0; interim <= MAX_INTERIM; interim++) {
      const head = await this.#oneHead(connection, method, progress);
      if (head.status === 101) break;
      if (head.status >= 200) return head;
    }
    throw new UpstreamError("bad_answer", "unexpected interim answers", { phase: "head" });
  }

  async #oneHead(
    connection: Connection,
    method: string,
    progress: { delivered: boolean; answered: boolean },
  ): Promise<ResponseHead> {
    let scanned = connection.start;
    for (;;) {
      const { buffer, start, end } = connection;
      const until = findHeadEnd(buffer, { from: start, to: end, scanned });
      if (until !== -1) {
        connection.start = until;
        return parseResponseHead(buffer.subarray(start, until), method);
      }
      if (connection.full) {
        throw new UpstreamError("bad_answer", "the answer's head is too large", { phase: "head" });
      }
      const looked = end - start;
      if (!await connection.fill()) {
        throw new UpstreamError("closed", "the backend closed the connection without an answer", {
          phase: progress.delivered ? "head" : "write",
        });
      }
      progress.answered = true;
      scanned = connection.start + looked; // the buffer may have been moved together
    }
  }

  /** Where this process is out of descriptors or ports, others give up theirs, and it is tried again. */
  async #socket(options: SendOptions): Promise<Deno.TcpConn> {
    for (const waitMs of ROOM_AFTER_MS) {
      try {
        return await this.#connector.connect(options);
      } catch (error) {
        const local = error instanceof UpstreamError && error.kind === "local";
        if (!local || this.#makeRoom === undefined) throw error;
        this.#makeRoom();
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
    return await this.#connector.connect(options);
  }

  async #connect(options: SendOptions): Promise<Connection> {
    const socket = await this.#socket(options);
    try {
      socket.setNoDelay();
      return new Connection(socket);
    } catch (error) {
      socket.close();
      throw fromSocket(error, "connect");
    }
  }
}

/** Writes what was lent, gives it back, and writes the rest. */
async function writeAll(
  connection: Connection,
  first: Uint8Array,
  rest: Uint8Array | undefined,
): Promise<void> {
  await connection.write(first).finally(() => giveBack(first));
  if (rest !== undefined) await connection.writeLarge(rest);
}

/** Whether an answer is to an idle connection rather than to the request that crossed it (RFC 9110, section 15.5.9). */
function isOfIdleness({ status, keepAlive }: ResponseHead): boolean {
  return status === 408 && !keepAlive;
}

/** Whether the peer ended the connection, rather than the network. */
function isPeersEnd({ kind, cause }: UpstreamError): boolean {
  return kind === "closed" || cause instanceof Deno.errors.ConnectionReset ||
    cause instanceof Deno.errors.BrokenPipe;
}

/** Whether the first byte of an answer comes, rather than the end. */
function answerBegins(connection: Connection): Promise<boolean> {
  return connection.readAhead().then((count) => count !== null && count > 0, () => false);
}
