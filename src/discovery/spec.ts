import type { BackendSpec } from "../registry/backend.ts";

/** A backend at an address, of which nothing is said but what is given. */
export function specAt(
  { name, host, port, ...told }: Pick<BackendSpec, "name" | "host" | "port"> & Partial<BackendSpec>,
): BackendSpec {
  return {
    name: safeName(name) || safeName(`${host}_${port}`),
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    host,
    port,
    basePath: "",
    models: undefined,
    weight: 1,
    maxInFlight: undefined,
    apiKey: undefined,
    engine: "auto",
    strict: false,
    streamUpstream: false,
    cacheType: undefined,
    maxContext: undefined,
    metadata: undefined,
    leaving: false,
    ...told,
  };
}

/** A name as the configuration would have it. */
function safeName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 64);
}
