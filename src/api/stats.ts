import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";
import { serviceInfo } from "./service_info.ts";

/** `GET /stats`: what has been counted about every backend; `response_time` in seconds. */
export function statsResponse(
  registry: Registry,
  { queued, registryUrl }: {
    /** How many calls wait, by model. */
    queued: ReadonlyMap<string, number>;
    registryUrl: string | undefined;
  },
): Response {
  const services = registry.backends.map((backend) => ({
    ...serviceInfo(backend),
    in_flight: backend.inFlight,
  }));
  return jsonResponse({
    total_services: services.length,
    healthy_services: services.filter((service) => service.healthy).length,
    registry_url: registryUrl ?? null,
    queued: Object.fromEntries(queued),
    services,
  });
}
