import { STATUS_CODE } from "@std/http/status";
import { lingering } from "../api/linger.ts";
import { createRegistryRoutes } from "../api/registry_routes.ts";
import type { AddressList } from "../discovery/address_list.ts";
import { BookProber } from "../discovery/book_prober.ts";
import { BookSource } from "../discovery/book_source.ts";
import { readState, writeState } from "../discovery/book_state.ts";
import { probeEntry } from "../discovery/entry_probe.ts";
import { MAX_SERVICE_BYTES } from "../discovery/registration.ts";
import { RegistryBook } from "../discovery/registry_book.ts";
import type { Source } from "../discovery/source.ts";
import { StateFile } from "../discovery/state_file.ts";
import { createAcceptors } from "../door/acceptors.ts";
import { Listener } from "../door/listener.ts";
import type { Log } from "../observe/log.ts";
import type { Handler } from "../proxy/peer.ts";
import { readHead } from "../proxy/request_head.ts";
import { resolveHost } from "../upstream/resolve_host.ts";
import { CliError, EXIT } from "./exit.ts";
import { listenError } from "./listen_error.ts";

/** Clients are few and known: a babysitter or a router keeps one connection, and speaks every 30 s or oftener. */
const LIMITS = { maxConnections: 1024 };
const TIMEOUTS = { headMs: 10_000, keepAliveMs: 120_000, clientStallMs: 30_000 };

/** How long a lost port is tried to be had again, milliseconds. */
const GIVE_UP_MS = 60_000;

/** How long requests under way may take to their end, milliseconds. */
const LAST_ANSWERS_MS = 3000;

/** Refusals of bodies that were read in part. */
const LEAVES_A_REST: ReadonlySet<number> = new Set([
  STATUS_CODE.RequestTimeout,
  STATUS_CODE.ContentTooLarge,
]);

export interface RegistryOptions {
  listen: { host: string; port: number };
  /** What may be registered beside private addresses, and who may change everybody's services. */
  allow: AddressList;
  /** How long an engine that is gone is kept, draining, milliseconds. */
  removalGraceMs: number;
  /** Where services are kept for the next process. */
  stateFile?: string | undefined;
  healthIntervalMs?: number | undefined;
  healthTimeoutMs?: number | undefined;
  cleanupIntervalMs?: number | undefined;
  log: Log;
}

/** A registry that listens. */
export interface RunningRegistry {
  /** The engines that have registered. */
  readonly source: Source;
  readonly host: string;
  readonly port: number;
  /** Resolves if the port was lost for good. */
  readonly lost: Promise<void>;
  /** Takes no new connection, ends what runs and writes the state. */
  stop(): Promise<void>;
}

/**
 * Starts a registry: alone (`infinilm-router registry`), or inside a router, whose backends its source then
 * tells. Throws `CliError` if the address cannot be had, or the state file cannot be read and written.
 */
export function startRegistry(options: RegistryOptions): RunningRegistry {
  const { listen, allow, removalGraceMs, log } = options;
  const clocks = { now: () => performance.now(), wallNow: Date.now };
  const onDefect = (error: unknown): void => log.error("internal error", { error });
  const book = new RegistryBook({ allow, log, ...clocks });
  const state = openState(book, { ...options, ...clocks });
  const prober = new BookProber(book, {
    intervalMs: options.healthIntervalMs ?? 30_000,
    timeoutMs: options.healthTimeoutMs ?? 5000,
    probe: probeEntry,
    random: Math.random,
    onDefect,
  });
  const routes = createRegistryRoutes({
    book,
    prober,
    allow,
    resolve: resolveHost,
    log,
    ...clocks,
  });
  const listener = listenAt(listen, { handler: atDoor(routes), log, now: clocks.now });
  prober.start();
  const sweeping = setInterval(() => book.sweep(), options.cleanupIntervalMs ?? 60_000);
  const { host, port } = listener;
  log.info("registry is listening", { host, port, services: book.entries.size });
  return {
    source: new BookSource(book, { name: `registry on port ${port}`, removalGraceMs }),
    host,
    port,
    lost: listener.lost,
    async stop(): Promise<void> {
      clearInterval(sweeping);
      prober.stop();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LAST_ANSWERS_MS));
      await Promise.race([listener.shutdown(), late]);
      clearTimeout(timer);
      listener.cut();
      await state?.close();
    },
  };
}

function openState(
  book: RegistryBook,
  { stateFile, allow, log, now, wallNow }: RegistryOptions & {
    now: () => number;
    wallNow: () => number;
  },
): StateFile | undefined {
  if (stateFile === undefined) return undefined;
  const file = new StateFile({ path: stateFile, write: () => writeState(book), log });
  try {
    file.open((text) => {
      const { entries, gone, dropped } = readState(text, { allow, now, wallNow });
      book.restore(entries, gone);
      if (dropped > 0) log.warn("services of the state file were dropped", { dropped });
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(
      `cannot read and write the state file ${stateFile}: ${reason}`,
      EXIT.noInput,
    );
  }
  book.watch((change) => file.changed({ later: change === "heartbeat" }));
  return file;
}

function listenAt(
  { host, port }: { host: string; port: number },
  { handler, log, now }: { handler: Handler; log: Log; now: () => number },
): Listener {
  const config = { limits: LIMITS, timeouts: TIMEOUTS } as const;
  const { open } = createAcceptors({ config, handler, log, now });
  try {
    return new Listener({ listen: { host, port, giveUpMs: GIVE_UP_MS }, open, log, now });
  } catch (error) {
    throw listenError(error, { host, port });
  }
}

/** The routes as the door wants them: it is told when an answer ends, and of a client that still sends. */
function atDoor(routes: ReturnType<typeof createRegistryRoutes>): Handler {
  return async (request, peer) => {
    const response = await routes(request, peer.address);
    if (request.bodyUsed && !LEAVES_A_REST.has(response.status)) {
      peer.answered();
      return response;
    }
    const head = readHead(request.headers);
    return lingering(request, response, { head, peer, maxBytes: MAX_SERVICE_BYTES });
  };
}
