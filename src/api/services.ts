import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";

/** `GET /services`: every backend, what it serves, how it is, why, and since when. */
export function servicesResponse(registry: Registry): Response {
  const services = registry.backends.map((backend) => ({
    name: backend.name,
    url: backend.spec.url,
    healthy: backend.healthy,
    models: backend.models ?? [],
    weight: backend.weight,
    in_flight: backend.inFlight,
    max_in_flight: backend.spec.maxInFlight ?? null,
    reason: backend.gate.observed.cause || null,
    since: shownTime(backend.gate.observed.since),
  }));
  return jsonResponse({ services, total: services.length });
}

/** Null before the first check. */
function shownTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
