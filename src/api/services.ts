import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";

/** `GET /services`: every backend and what it serves. */
export function servicesResponse(registry: Registry): Response {
  const services = registry.backends.map((backend) => ({
    name: backend.name,
    url: backend.spec.url,
    healthy: backend.healthy,
    models: backend.models ?? [],
    weight: backend.weight,
    in_flight: backend.inFlight,
    max_in_flight: backend.spec.maxInFlight ?? null,
  }));
  return jsonResponse({ services, total: services.length });
}
