import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";

/** `GET /stats`: what has been counted about every backend; `response_time` in seconds. */
export function statsResponse(registry: Registry): Response {
  const services = registry.backends.map((backend) => ({
    name: backend.name,
    healthy: backend.healthy,
    request_count: backend.stats.requests,
    error_count: backend.stats.errors,
    response_time: Math.round(backend.stats.responseTime * 1e6) / 1e6,
    in_flight: backend.inFlight,
  }));
  return jsonResponse({
    total_services: services.length,
    healthy_services: services.filter((service) => service.healthy).length,
    services,
  });
}
