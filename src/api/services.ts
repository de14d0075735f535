import type { SourceState } from "../discovery/merge.ts";
import type { Gate } from "../registry/gate.ts";
import type { Registry } from "../registry/registry.ts";
import { jsonResponse } from "./json.ts";
import { serviceInfo } from "./service_info.ts";
import { utcSeconds } from "./utc.ts";

/** What `/services` tells beside the backends themselves. */
export interface ServicesContext {
  sources: readonly SourceState[];
  registryUrl: string | undefined;
}

/** `GET /services`: every backend, what it serves, how it is, why, and since when. */
export function servicesResponse(
  registry: Registry,
  { sources, registryUrl }: ServicesContext,
): Response {
  const services = registry.backends.map((backend) => ({
    ...serviceInfo(backend),
    engine: backend.engine,
    in_flight: backend.inFlight,
    max_in_flight: backend.spec.maxInFlight ?? null,
    ...observed(backend.gate),
  }));
  const total = services.length;
  return jsonResponse({ services, total, registry_url: registryUrl ?? null, sources });
}

interface Shown {
  reason: string | null;
  /** Null before the first check. */
  since: string | null;
  /** What calls say against it, whatever checks say. */
  ejected: { reason: string; since: string } | null;
}

function observed({ observed: { cause, since }, ejected }: Gate): Shown {
  return {
    reason: cause || null,
    since: since === undefined ? null : utcSeconds(since),
    ejected: ejected === undefined
      ? null
      : { reason: ejected.cause, since: utcSeconds(ejected.since) },
  };
}
