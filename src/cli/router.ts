import { createRoutes } from "../api/routes.ts";
import type { Config } from "../config/config.ts";
import { applyStatic } from "../discovery/static_source.ts";
import { createAcceptors } from "../door/acceptors.ts";
import { Listener, type ListenerOptions } from "../door/listener.ts";
import { HealthGate } from "../health/health_gate.ts";
import { probe } from "../health/probe.ts";
import { Prober } from "../health/prober.ts";
import type { Log } from "../observe/log.ts";
import { POLICIES } from "../policy/mod.ts";
import type { House } from "../proxy/house.ts";
import { SharedTimer } from "../proxy/shared_timer.ts";
import { HeldBytes } from "../proxy/held_bytes.ts";
import { OpenCalls } from "../proxy/open_calls.ts";
import type { Backend } from "../registry/backend.ts";
import type { Registry } from "../registry/registry.ts";
import { UpstreamClient } from "../upstream/client.ts";
import { listenError } from "./listen_error.ts";

/** How long after the last call has ended its last bytes may take to reach the client. */
const LAST_BYTES_MS = 3000;

/** A router that listens. */
export interface RunningRouter {
  readonly host: string;
  readonly port: number;
  /** Resolves if the port was lost for good. */
  readonly lost: Promise<void>;
  /** Takes no new connection and lets what runs come to its end; resolves when all has. */
  drain(): Promise<void>;
}

export interface RouterOptions {
  registry: Registry;
  log: Log;
}

/**
 * Puts the rooms together and starts listening: the one place that knows them all.
 * Throws `CliError` if the address cannot be had.
 */
export function startRouter(config: Config, { registry, log }: RouterOptions): RunningRouter {
  const clients = new Map<Backend, UpstreamClient>();
  const probers = new Map<Backend, Prober>();
  applyStatic(registry, {
    specs: config.backends,
    createGate: (backend) => {
      const client = new UpstreamClient(backend.spec);
      clients.set(backend, client);
      const gate = new HealthGate({
        ...config.health,
        recheck: () => prober.checkNow(),
        onFlip: (healthy, cause) => {
          if (healthy) {
            log.info("backend is healthy", { backend: backend.name, models: backend.models });
          } else log.warn("backend is unhealthy", { backend: backend.name, cause });
        },
      });
      const { path, timeoutMs, intervalMs } = config.health;
      const prober = new Prober({
        gate,
        intervalMs,
        settled: () => gate.healthy && (backend.models?.length ?? 0) > 0,
        probe: (signal) => probe(backend, { client, path, timeoutMs, signal }),
      });
      probers.set(backend, prober);
      return gate;
    },
  });
  const house: House = {
    config,
    registry,
    choose: POLICIES[config.routing.policy](Math.random),
    clientOf: (backend) => clients.get(backend)!,
    log,
    requestTimer: new SharedTimer(config.timeouts.requestMs, () => performance.now()),
    openCalls: new OpenCalls(config.limits.maxRequests),
    heldBytes: new HeldBytes(config.limits.maxHeld),
    now: () => performance.now(),
  };
  let draining = false;
  const handler = createRoutes({
    house,
    draining: () => draining,
    wallNow: Date.now,
    createRequestId: () => crypto.randomUUID(),
  });
  const { now } = house;
  const open = createAcceptors({ config, handler, log, now });
  const listener = listen({ listen: config.listen, open, log, now });
  for (const prober of probers.values()) prober.checkNow();
  const { host, port } = listener;
  log.info("router is listening", { host, port, backends: config.backends.length });
  return {
    host,
    port,
    lost: listener.lost,
    async drain(): Promise<void> {
      draining = true;
      for (const prober of probers.values()) prober.stop();
      await endOf(listener.shutdown(), house.openCalls);
      listener.cut();
      house.requestTimer.stop();
      for (const client of clients.values()) client.close();
    },
  };
}

function listen(options: ListenerOptions): Listener {
  try {
    return new Listener(options);
  } catch (error) {
    throw listenError(error, options.listen);
  }
}

/**
 * Resolves when the server has shut down, or when no call has been open for a while: a client that
 * never finishes its request, or never reads the end of its answer, does not count.
 */
async function endOf(shutdown: Promise<void>, openCalls: OpenCalls): Promise<void> {
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lastBytes = openCalls.idle().then(() =>
    new Promise<void>((resolve) => {
      if (!over) timer = setTimeout(resolve, LAST_BYTES_MS);
    })
  );
  await Promise.race([shutdown, lastBytes]);
  over = true;
  clearTimeout(timer);
}
