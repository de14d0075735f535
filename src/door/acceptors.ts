import type { Config } from "../config/config.ts";
import type { Log } from "../observe/log.ts";
import type { Handler } from "../proxy/peer.ts";
import { SharedTimer } from "../proxy/shared_timer.ts";
import { AcceptLoop, type AcceptLoopOptions } from "./accept_loop.ts";
import type { Acceptor, Address } from "./acceptor.ts";
import { Burst } from "./burst.ts";
import { Connections } from "./connections.ts";
import { affordableConnections } from "./free_descriptors.ts";
import { findServeHttpOnConnection, type ServeHttpOnConnection } from "./http_on_connection.ts";
import { PlainServer } from "./plain_server.ts";

export interface AcceptorOptions {
  config: {
    readonly limits: Pick<Config["limits"], "maxConnections">;
    readonly timeouts: Pick<Config["timeouts"], "headMs" | "keepAliveMs" | "clientStallMs">;
  };
  handler: Handler;
  log: Log;
  /** Monotonic clock, milliseconds. */
  now: () => number;
}

/** Opens an address. Throws what listening throws. */
export type OpenAddress = (address: Address) => Acceptor;

export interface Acceptors {
  readonly open: OpenAddress;
  /** Takes other limits and times; those that are running stay as they began. */
  configure(config: AcceptorOptions["config"]): void;
}

/** Events that are less than this apart are one burst. */
const QUIET_MS = 10_000;

/**
 * How this runtime accepts connections: by our own loop in front of Deno's HTTP server, or by
 * `Deno.serve` where there is no such thing.
 */
export function createAcceptors(options: AcceptorOptions): Acceptors {
  const { handler, log } = options;
  const onDefect = (error: unknown): Response => {
    log.error("internal error", { error });
    return new Response(null, { status: 500 });
  };
  const serve = findServeHttpOnConnection();
  if (serve !== undefined) return acceptLoops({ ...options, serve, onDefect });
  log.warn(
    "this runtime lets nobody own its connections: limits.max_connections, timeouts.head and " +
      "timeouts.keep_alive have no effect, and events may come 40 ms late",
    { deno: Deno.version.deno },
  );
  return {
    open: (address) => new PlainServer(address, { handler, onDefect }),
    configure: () => {},
  };
}

function acceptLoops(
  { config, log, now, ...options }: AcceptorOptions & {
    serve: ServeHttpOnConnection;
    onDefect: (error: unknown) => Response;
  },
): Acceptors {
  const connections = new Connections();
  const loopOptions: AcceptLoopOptions = {
    ...options,
    ...limitsOf(config, { log, now, open: 0 }),
    log,
    connections,
    turnedAway: new Burst({ quietMs: QUIET_MS, now }),
    outOfDescriptors: new Burst({ quietMs: QUIET_MS, now }),
  };
  return {
    open: (address) => new AcceptLoop(address, loopOptions),
    // Loops and connections read it anew each time.
    configure: (config) =>
      void Object.assign(loopOptions, limitsOf(config, { log, now, open: connections.count })),
  };
}

function limitsOf(
  { limits, timeouts }: AcceptorOptions["config"],
  { log, now, open }: Pick<AcceptorOptions, "log" | "now"> & { open: number },
): Pick<
  AcceptLoopOptions,
  "maxConnections" | "maxTurnedAway" | "headTimer" | "keepAliveTimer" | "lastBytesTimer"
> {
  const { connections: maxConnections, turnedAway: maxTurnedAway } = affordableConnections(
    limits.maxConnections,
    open,
  );
  if (maxConnections < limits.maxConnections) {
    log.warn("fewer client connections than limits.max_connections: file descriptors are few", {
      max_connections: maxConnections,
      configured: limits.maxConnections,
    });
  }
  return {
    maxConnections,
    maxTurnedAway,
    headTimer: new SharedTimer(timeouts.headMs, now),
    keepAliveTimer: new SharedTimer(timeouts.keepAliveMs, now),
    lastBytesTimer: new SharedTimer(Math.max(timeouts.keepAliveMs, timeouts.clientStallMs), now),
  };
}
