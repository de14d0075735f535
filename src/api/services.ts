import type { SourceState } from "../discovery/merge.ts";
import type { Gate } from "../registry/gate.ts";
import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";
import { utcSeconds } from "./utc.ts";

/** `GET /services`: every backend, what it serves, how it is, why, and since when. */
export function servicesResponse(
  registry: Registry,
  sources: readonly SourceState[],
): Response {
  const services = registry.backends.map((backend) => ({
    name: backend.name,
    url: backend.spec.url,
    healthy: backend.healthy,
    models: backend.models ?? [],
    engine: backend.engine,
    weight: backend.weight,
    in_flight: backend.inFlight,
    max_in_flight: backend.spec.maxInFlight ?? null,
    ...observed(backend.gate),
  }));
  return jsonResponse({ services, total: services.length, sources });
}

/** `since` is null before the first check. */
function observed(
  { observed: { cause, since } }: Gate,
): { reason: string | null; since: string | null } {
  return { reason: cause || null, since: since === undefined ? null : utcSeconds(since) };
}
