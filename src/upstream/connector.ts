import { firstToConnect } from "./first_to_connect.ts";
import type { Resolve } from "./resolve_host.ts";
import type { Stop } from "./stop.ts";
import { fromSocket, UpstreamError, type UpstreamErrorKind } from "./upstream_error.ts";

export interface ConnectorOptions {
  /** A name, or an address without brackets. */
  host: string;
  port: number;
  resolve: Resolve;
}

export interface ConnectOptions {
  /** Bounds all of it, resolving included, milliseconds. */
  connectTimeoutMs: number;
  /** Ends it at once. */
  stop: Stop;
}

/** How long an address is tried before the next one is tried beside it (RFC 8305, section 5). */
const HEAD_START_MS = 250;

/** Of several failures the first of these is told: it says most about the backend. */
const TELLING: readonly UpstreamErrorKind[] = ["local", "refused", "timeout", "unreachable"];

/**
 * Makes connections to one host. A name may have addresses at which nobody listens: `localhost` is
 * `::1` first on most machines, and engines listen on 127.0.0.1. So all are tried until one takes
 * the connection, as RFC 8305 has it, but for the sorting by family.
 */
export class Connector {
  readonly #host: string;
  readonly #port: number;
  readonly #resolve: Resolve;
  readonly #literal: boolean;
  /** The answer that is being waited for: a slow resolver is asked once, not once for each call. */
  #resolving: Promise<readonly string[]> | undefined;
  /** Took a connection when one before it in the list did not: tried first from then on. */
  #favourite: string | undefined;

  constructor({ host, port, resolve }: ConnectorOptions) {
    this.#host = host;
    this.#port = port;
    this.#resolve = resolve;
    this.#literal = host.includes(":") || /^[0-9.]+$/.test(host);
  }

  /**
   * The first connection that comes about; what else was begun is cancelled.
   * Throws `UpstreamError` of phase `connect`.
   */
  async connect({ connectTimeoutMs, stop }: ConnectOptions): Promise<Deno.TcpConn> {
    const ending = new AbortController();
    const { signal } = ending;
    let addresses: readonly string[] | undefined = this.#literal ? [this.#host] : undefined;
    const onStop = (): void => ending.abort(failed("aborted", "aborted"));
    const timer = setTimeout(() => {
      const within = `within ${connectTimeoutMs} ms`;
      const message = addresses === undefined
        ? `no address of ${this.#host} ${within}`
        : `no connection ${within}${this.#tried(addresses)}`;
      ending.abort(failed("timeout", message));
    }, connectTimeoutMs);
    stop.on(onStop);
    try {
      addresses ??= await unlessAborted(this.#addresses(), signal);
      const headStartMs = Math.min(HEAD_START_MS, connectTimeoutMs / addresses.length);
      const options = { port: this.#port, headStartMs, signal };
      const { socket, address } = await firstToConnect(addresses, options);
      if (address !== addresses[0]) this.#favourite = address;
      return socket;
    } catch (error) {
      throw error instanceof AggregateError
        ? this.#told(error.errors, addresses!)
        : fromSocket(error, "connect");
    } finally {
      clearTimeout(timer);
      stop.off(onStop);
    }
  }

  async #addresses(): Promise<readonly string[]> {
    this.#resolving ??= this.#resolve(this.#host).finally(() => this.#resolving = undefined);
    let addresses: readonly string[];
    try {
      addresses = await this.#resolving;
    } catch {
      // Every failure of the resolver reads "not found", want of descriptors included. Connecting
      // by name says what it was.
      return [this.#host];
    }
    const favourite = this.#favourite;
    if (favourite === undefined || !addresses.includes(favourite)) return addresses;
    return [favourite, ...addresses.filter((address) => address !== favourite)];
  }

  /** Why none of the addresses, in their order, took a connection. */
  #told(reasons: readonly unknown[], addresses: readonly string[]): UpstreamError {
    const errors = reasons.map((reason, index) => {
      // Without IPv6 a machine says what it says without a free port.
      const noIpv6 = reasons.length > 1 && addresses[index]!.includes(":") &&
        reason instanceof Deno.errors.AddrNotAvailable;
      return noIpv6 ? failed("unreachable", reason.message) : fromSocket(reason, "connect");
    });
    const telling = TELLING.map((kind) => errors.find((error) => error.kind === kind))
      .find((error) => error !== undefined) ?? errors[0];
    if (telling === undefined) return failed("unreachable", `${this.#host} has no address`);
    const byName = !this.#literal && addresses[0] === this.#host;
    const message = (byName ? `${this.#host}: ` : "") + telling.message + this.#tried(addresses);
    return new UpstreamError(telling.kind, message, { phase: "connect", cause: telling.cause });
  }

  #tried({ length }: readonly string[]): string {
    return length < 2 ? "" : ` (${length} addresses of ${this.#host} tried)`;
  }
}

/** What `promise` gives, or at once the reason for which `signal` is aborted. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

function failed(kind: UpstreamErrorKind, message: string): UpstreamError {
  return new UpstreamError(kind, message, { phase: "connect" });
}
