import type { BackendConfig, Config } from "./config.ts";
import { resolveSource } from "./_discovery.ts";
import type { ReadBackend, ReadConfig } from "./schema.ts";

/** Gives a read config the shape and the names that the rest of the program uses. */
export function resolve(read: ReadConfig): Config {
  const {
    listen,
    backends,
    routing,
    health,
    queue,
    timeouts,
    retry,
    limits,
    requests,
    errors,
    log,
  } = read;
  return {
    listen: { host: listen.host, port: listen.port, giveUpMs: listen.give_up },
    backends: (backends ?? []).map(resolveBackend),
    discovery: read.discovery.map(resolveSource),
    stateFile: read.state_file ?? undefined,
    routing: { policy: routing.policy, sizeThreshold: routing.size_threshold },
    health: {
      intervalMs: health.interval,
      timeoutMs: health.timeout,
      path: health.path,
      unhealthyAfter: health.unhealthy_after,
      healthyAfter: health.healthy_after,
      slowStartMs: health.slow_start,
      stallAfterMs: health.stall_after,
      breaker: {
        failures: health.breaker.failures,
        share: health.breaker.share,
        baseMs: health.breaker.base,
        maxMs: health.breaker.max,
      },
    },
    stream: { keepAliveMs: read.stream.keep_alive },
    watchConfig: read.watch_config,
    queue: { size: queue.size, timeoutMs: queue.timeout },
    shutdown: { graceMs: read.shutdown.grace, timeoutMs: read.shutdown.timeout },
    timeouts: {
      headMs: timeouts.head,
      keepAliveMs: timeouts.keep_alive,
      connectMs: timeouts.connect,
      requestMs: timeouts.request,
      idleMs: timeouts.idle,
      totalMs: timeouts.total,
      clientStallMs: timeouts.client_stall ?? timeouts.idle,
    },
    retry: {
      attempts: retry.attempts,
      ambiguous: retry.ambiguous,
      poisonMemoryMs: retry.poison_memory,
      budget: retry.budget,
      minPerSecond: retry.min_per_second,
    },
    limits: {
      maxBody: limits.max_body,
      maxEvent: limits.max_event,
      maxHeld: limits.max_held,
      maxRequests: limits.max_requests,
      maxConnections: limits.max_connections,
    },
    requests: {
      validate: requests.validate,
      defaultModel: requests.default_model ?? undefined,
      unknownPaths: requests.unknown_paths,
    },
    upstreamCompression: read.upstream_compression,
    cors: read.cors,
    errors,
    log,
  };
}

/** One backend, defaults filled in. */
export function resolveBackend(read: ReadBackend): BackendConfig {
  const { defaultName, ...address } = read.url;
  return {
    name: read.name ?? defaultName,
    ...address,
    models: read.models ?? undefined,
    weight: read.weight,
    maxInFlight: read.max_in_flight ?? (read.cache_type === "static" ? 1 : undefined),
    apiKey: read.api_key || undefined,
    engine: read.engine,
    strict: read.engine_strict,
    streamUpstream: read.stream_upstream,
    cacheType: read.cache_type ?? undefined,
    maxContext: read.max_context ?? undefined,
    metadata: undefined,
    leaving: false,
  };
}
