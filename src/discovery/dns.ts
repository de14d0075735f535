import type { BackendSpec } from "../registry/backend.ts";
import { PolledSource, SourceError } from "./polled_source.ts";
import { specAt } from "./spec.ts";

export interface DnsOptions {
  name: string;
  type: "SRV" | "A" | "AAAA";
  /** Of the engines; SRV records say their own. */
  port: number;
  /** `host` or `host:port` of the server to be asked; undefined: the system's. */
  nameServer: { host: string; port: number } | undefined;
  intervalMs: number;
  removalGraceMs: number;
  onDefect: (error: unknown) => void;
}

/** The engines that a name stands for, as for Kubernetes' headless services or Consul's. */
export function dns(options: DnsOptions): PolledSource {
  const { name, type } = options;
  return new PolledSource({
    ...options,
    name: `dns ${type} ${name}`,
    read: () => resolve(options),
  });
}

async function resolve(options: DnsOptions): Promise<BackendSpec[]> {
  const { name, type, port, nameServer } = options;
  const how = nameServer === undefined
    ? {}
    : { nameServer: { ipAddr: nameServer.host, port: nameServer.port } };
  try {
    if (type !== "SRV") {
      const addresses = await Deno.resolveDns(name, type, how);
      return addresses.sort().map((host) => specAt({ name: `${host}_${port}`, host, port }));
    }
    const records = await Deno.resolveDns(name, "SRV", how);
    // Of SRV records the lowest priority alone is used (RFC 2782).
    const first = Math.min(...records.map(({ priority }) => priority));
    const used = records.filter(({ priority }) => priority === first);
    return used.map(({ target, port, weight }) => {
      const host = target.replace(/\.$/, "");
      // A weight of 0 has a very small chance there, here it would have none.
      return specAt({
        name: `${host}_${port}`,
        host,
        port,
        weight: Math.min(Math.max(weight, 1), 1000),
      });
    }).sort((one, other) => one.name < other.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return []; // the name stands for nobody at present
    throw new SourceError(error instanceof Error ? error.message : String(error));
  }
}
