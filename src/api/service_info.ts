import type { Backend } from "../registry/backend.ts";

/** What both `/services` and `/stats` tell of a backend: every field that InfiniLM-SVC's router has there. */
export interface ServiceInfo {
  name: string;
  host: string;
  port: number;
  url: string;
  /** Where InfiniLM-SVC's babysitter of the engine would listen; null where there is no such port. */
  babysitter_url: string | null;
  healthy: boolean;
  request_count: number;
  error_count: number;
  /** Seconds. */
  response_time: number;
  weight: number;
  models: readonly string[];
  metadata: Readonly<Record<string, unknown>>;
}

export function serviceInfo(backend: Backend): ServiceInfo {
  const { spec, stats } = backend;
  const { host, port } = spec;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return {
    name: backend.name,
    host,
    port,
    url: spec.url,
    babysitter_url: port < 65535 ? `http://${shownHost}:${port + 1}` : null,
    healthy: backend.healthy,
    request_count: stats.requests,
    error_count: stats.errors,
    response_time: Math.round(stats.responseTime * 1e6) / 1e6,
    weight: backend.weight,
    models: backend.models ?? [],
    metadata: spec.metadata ?? {},
  };
}
