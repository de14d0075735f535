import type { BackendConfig, Config } from "./config.ts";
import type { ReadConfig } from "./schema.ts";

/** Gives a read config the shape and the names that the rest of the program uses. */
export function resolve(read: ReadConfig): Config {
  const { listen, backends, routing, health, timeouts, retry, limits, requests, errors, log } =
    read;
  return {
    listen,
    backends: backends.map(resolveBackend),
    routing,
    health: {
      intervalMs: health.interval,
      timeoutMs: health.timeout,
      path: health.path,
      unhealthyAfter: health.unhealthy_after,
      healthyAfter: health.healthy_after,
    },
    timeouts: {
      connectMs: timeouts.connect,
      requestMs: timeouts.request,
      idleMs: timeouts.idle,
      totalMs: timeouts.total,
    },
    retry,
    limits: { maxBody: limits.max_body, maxEvent: limits.max_event },
    requests,
    errors,
    log,
  };
}

function resolveBackend(read: ReadConfig["backends"][number]): BackendConfig {
  const { defaultName, ...address } = read.url;
  return {
    name: read.name ?? defaultName,
    ...address,
    models: read.models ?? undefined,
    weight: read.weight,
    maxInFlight: read.max_in_flight ?? undefined,
    apiKey: read.api_key || undefined,
  };
}
