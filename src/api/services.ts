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
    drained: causeSince("its operator drains it", backend.drainedSince),
    leaving: causeSince("no source names it any more", backend.leavingSince),
  }));
  const total = services.length;
  return jsonResponse({ services, total, registry_url: registryUrl ?? null, sources });
}

/** Why it gets no calls, and since when, UTC; null if that is no reason. */
type Cause = { reason: string; since: string } | null;

interface Shown {
  reason: string | null;
  /** Null before the first check. */
  since: string | null;
  /** What calls say against it, whatever checks say. */
  ejected: Cause;
}

function observed({ observed: { cause, since }, ejected }: Gate): Shown {
  return {
    reason: cause || null,
    since: since === undefined ? null : utcSeconds(since),
    ejected: ejected === undefined ? null : causeSince(ejected.cause, ejected.since),
  };
}

function causeSince(reason: string, since: number | undefined): Cause {
  return since === undefined ? null : { reason, since: utcSeconds(since) };
}
