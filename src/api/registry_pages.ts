import type { ShownEntry } from "../discovery/book_entry.ts";
import type { RegistryBook } from "../discovery/registry_book.ts";
import { utcSeconds } from "./utc.ts";

/** `GET /health` of a registry. */
export function registryHealth(book: RegistryBook, wallNow: number): unknown {
  const services = book.list();
  return {
    status: "healthy",
    registry: "running",
    registered_services: services.length,
    healthy_services: services.filter(isHealthy).length,
    timestamp: utcSeconds(wallNow),
  };
}

/** `GET /services`: all of them, or those of a `status`, or those whose health is as `healthy` says. */
export function serviceList(
  book: RegistryBook,
  { query, wallNow }: { query: string; wallNow: number },
): unknown {
  const asked = new URLSearchParams(query);
  const [status, healthy] = [asked.get("status"), asked.get("healthy")];
  const services = book.list().filter((service) =>
    (status === null || service.status === status) &&
    // Whatever else it says than `true` asks for the others, as InfiniLM-SVC has it.
    (healthy === null || service.is_healthy === (healthy.toLowerCase() === "true"))
  );
  return { services, total: services.length, timestamp: utcSeconds(wallNow) };
}

/** `GET /stats` of a registry. */
export function registryStats(
  book: RegistryBook,
  { upMs, wallNow }: { upMs: number; wallNow: number },
): unknown {
  const services = book.list();
  const healthy = services.filter(isHealthy).length;
  return {
    total_services: services.length,
    healthy_services: healthy,
    unhealthy_services: services.length - healthy,
    status_distribution: counted(services.map(({ status }) => status)),
    host_distribution: counted(services.map(({ host }) => host)),
    uptime: Math.floor(upMs / 1000),
    timestamp: utcSeconds(wallNow),
  };
}

function isHealthy({ is_healthy }: ShownEntry): boolean {
  return is_healthy;
}

function counted(values: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Object.fromEntries(counts);
}
