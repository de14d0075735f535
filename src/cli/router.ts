import { createRoutes } from "../api/routes.ts";
import type { Config } from "../config/config.ts";
import { applyStatic } from "../discovery/static_source.ts";
import { HealthGate } from "../health/health_gate.ts";
import { probe } from "../health/probe.ts";
import { Prober } from "../health/prober.ts";
import type { Log } from "../observe/log.ts";
import { POLICIES } from "../policy/mod.ts";
import type { House } from "../proxy/house.ts";
import type { Backend } from "../registry/backend.ts";
import type { Registry } from "../registry/registry.ts";
import { UpstreamClient } from "../upstream/client.ts";
import { listenError } from "./listen_error.ts";

/** A router that listens. */
export interface RunningRouter {
  readonly host: string;
  readonly port: number;
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
    now: () => performance.now(),
  };
  let draining = false;
  const server = listen(config, {
    handler: createRoutes({
      house,
      draining: () => draining,
      wallNow: Date.now,
      createRequestId: () => crypto.randomUUID(),
    }),
  });
  for (const prober of probers.values()) prober.checkNow();
  const { hostname: host, port } = server.addr;
  log.info("router is listening", { host, port, backends: config.backends.length });
  return {
    host,
    port,
    async drain(): Promise<void> {
      draining = true;
      for (const prober of probers.values()) prober.stop();
      await server.shutdown();
      for (const client of clients.values()) client.close();
    },
  };
}

function listen(
  { listen: { host, port } }: Config,
  { handler }: { handler: Deno.ServeHandler<Deno.NetAddr> },
): Deno.HttpServer<Deno.NetAddr> {
  // Deno would let this variable move whatever is served first.
  Deno.env.delete("DENO_SERVE_ADDRESS");
  try {
    return Deno.serve(
      { hostname: host, port, onListen: () => {} },
      handler,
    );
  } catch (error) {
    throw listenError(error, { host, port });
  }
}
