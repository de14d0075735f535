import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";

/** `GET /health`: how the router and its backends are; 503 when no backend is healthy. */
export function healthResponse(registry: Registry, wallNow: number): Response {
  const total = registry.backends.length;
  const healthy = registry.backends.filter((backend) => backend.healthy).length;
  return jsonResponse({
    status: healthy === total ? "healthy" : healthy > 0 ? "degraded" : "unhealthy",
    router: "running",
    healthy_services: `${healthy}/${total}`,
    timestamp: new Date(wallNow).toISOString().replace(/\.\d+Z$/, "Z"),
  }, healthy === 0 ? 503 : 200);
}

/** `GET /livez`: the process answers. Depends on nothing, so that nobody restarts it for a dead backend. */
export function livezResponse(): Response {
  return jsonResponse({ status: "alive" });
}

/** `GET /readyz`: whether new calls should be sent here. */
export function readyzResponse(registry: Registry, draining: boolean): Response {
  const status = draining
    ? "draining"
    : registry.backends.some((backend) => backend.healthy)
    ? "ready"
    : "no healthy backend";
  return jsonResponse({ status }, status === "ready" ? 200 : 503);
}
