import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";
import { utcSeconds } from "./utc.ts";

/** What `/health` tells beside the backends. */
export interface HealthContext {
  /** Wall clock, milliseconds since 1970. */
  wallNow: number;
  registryUrl: string | undefined;
  /** Why the configuration in force is not the one last asked for. */
  stale?: string | undefined;
}

/** `GET /health`: how the router and its backends are; 503 when no backend is healthy. */
export function healthResponse(
  registry: Registry,
  { wallNow, registryUrl, stale }: HealthContext,
): Response {
  const total = registry.backends.length;
  const healthy = registry.backends.filter((backend) => backend.healthy).length;
  // Without any backend, as before a registry has answered, none is healthy.
  return jsonResponse({
    status: healthy === 0 ? "unhealthy" : healthy < total ? "degraded" : "healthy",
    router: "running",
    healthy_services: `${healthy}/${total}`,
    registry_url: registryUrl ?? null,
    message: healthy === 0 ? "No healthy services available" : null, // as InfiniLM-SVC's router
    timestamp: utcSeconds(wallNow),
    ...(stale === undefined ? {} : { config: "stale", config_error: stale }),
  }, healthy === 0 ? 503 : 200);
}

/** `GET /livez`: the process answers. Depends on nothing, so that nobody restarts it for a dead backend. */
export function livezResponse(): Response {
  return jsonResponse({ status: "alive" });
}

/** `GET /readyz`: whether new calls should be sent here; 503 names what is missing. */
export function readyzResponse(registry: Registry, draining: boolean): Response {
  const missing = draining ? "draining" : missingOf(registry);
  return jsonResponse({ status: missing ?? "ready" }, missing === undefined ? 200 : 503);
}

/**
 * What keeps every call from being taken; undefined if one for some model would be. A router whose
 * backends are full is ready: taken out of service for its load, it would leave it to the others.
 */
function missingOf({ backends }: Registry): string | undefined {
  const healthy = backends.filter((backend) => backend.healthy);
  if (healthy.length === 0) return "no healthy backend";
  const open = healthy.filter((backend) => backend.wanted);
  if (open.length === 0) {
    const weightless = healthy.every((backend) => backend.weight === 0);
    return `every healthy backend ${weightless ? "has weight 0" : "is drained or has weight 0"}`;
  }
  const known = open.some(({ models = [] }) => models.length > 0);
  return known ? undefined : "no models known yet";
}
