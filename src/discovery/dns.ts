import type { BackendSpec } from "../registry/backend.ts";
import { PolledSource, SourceError } from "./polled_source.ts";
import { specAt } from "./spec.ts";

/** How long a name server may take for one answer, milliseconds. */
const TIMEOUT_MS = 3000;

export interface DnsOptions {
  name: string;
  type: "SRV" | "A" | "AAAA";
  /** Of the engines; SRV records say their own. */
  port: number;
  /** The server to be asked; undefined: the system's. */
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
    read: () => read(options),
  });
}

async function read(options: DnsOptions): Promise<BackendSpec[]> {
  const { name, type, port } = options;
  try {
    const specs = type === "SRV"
      ? await servers(options)
      : (await addresses(name, type, options)).map((host) => ({
        name: `${host}_${port}`,
        host,
        port,
      }));
    return specs.map(specAt).sort((one, other) => one.name < other.name ? -1 : 1);
  } catch (error) {
    // Deno does not tell a name that stands for nobody from a name server that fails: neither empties the fleet.
    if (error instanceof Deno.errors.NotFound) {
      throw new SourceError("no records, or a name server that fails");
    }
    throw new SourceError(error instanceof Error ? error.message : String(error));
  }
}

interface Server {
  name: string;
  host: string;
  port: number;
  weight?: number;
}

/** What SRV records name, each at its address by the same name server: its names may be known there alone. */
async function servers({ name, ...options }: DnsOptions): Promise<Server[]> {
  const records = await Deno.resolveDns(name, "SRV", askedAt(options));
  // The lowest priority alone is used (RFC 2782).
  const first = Math.min(...records.map(({ priority }) => priority));
  const used = records.filter(({ priority }) => priority === first);
  const all = await Promise.all(used.map(async ({ target, port, weight }) => {
    const host = target.replace(/\.$/, "");
    const hosts = await addresses(host, "A", options)
      .catch(() => addresses(host, "AAAA", options));
    return hosts.map((address, index): Server => ({
      name: index === 0 ? `${host}_${port}` : `${host}_${port}_${index}`,
      host: address,
      port,
      // A weight of 0 has a very small chance there, here it would have none.
      weight: Math.min(Math.max(weight, 1), 1000),
    }));
  }));
  return all.flat();
}

async function addresses(
  name: string,
  type: "A" | "AAAA",
  options: Pick<DnsOptions, "nameServer">,
): Promise<string[]> {
  return (await Deno.resolveDns(name, type, askedAt(options))).sort();
}

function askedAt({ nameServer }: Pick<DnsOptions, "nameServer">): Deno.ResolveDnsOptions {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return nameServer === undefined
    ? { signal }
    : { signal, nameServer: { ipAddr: nameServer.host, port: nameServer.port } };
}
