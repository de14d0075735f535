import type { BackendSpec } from "../registry/backend.ts";
import { specOfEntry } from "./infinilm_entry.ts";
import type { Told } from "./registration.ts";

/** So long after its last heartbeat a service is not well any more, milliseconds. */
export const WELL_MS = 120_000;

/** After a longer silence it is removed, milliseconds. */
export const KEPT_MS = 300_000;

/** What the last probe said. */
export type HealthStatus = "unknown" | "healthy" | "unhealthy";

/** One service in the book. Replaced as a whole by a registration; what is observed of it changes. */
export interface Entry {
  readonly told: Told;
  /** Where it is asked: its host, or the address that its host name had when it was judged. */
  readonly address: string;
  /** The address of the client that registered it. */
  readonly owner: string;
  /** When it was registered, milliseconds since 1970. */
  readonly registeredAt: number;
  /** When its last heartbeat came, milliseconds since 1970: for people, and across restarts. */
  heartbeatAt: number;
  /** The same by the monotonic clock, by which silence is measured: a wall clock may be set. */
  heardAt: number;
  /** When its owner was last heard, by the same clock: others may send its heartbeats. */
  ownerHeardAt: number;
  health: HealthStatus;
}

/** An entry as InfiniLM-SVC shows it: what was told, and what is observed. */
export interface ShownEntry extends Told {
  readonly timestamp: string;
  readonly last_heartbeat: number;
  readonly health_status: HealthStatus;
  readonly is_healthy: boolean;
}

/** A service's own word and its heartbeat; probes play no part in it, as in InfiniLM-SVC. */
export function isWell({ told, heardAt }: Entry, now: number): boolean {
  return told.status === "running" && now - heardAt < WELL_MS;
}

export function shownEntry(entry: Entry, now: number): ShownEntry {
  const { metadata, ...told } = entry.told;
  return {
    ...told,
    timestamp: new Date(entry.registeredAt).toISOString(),
    last_heartbeat: entry.heartbeatAt / 1000,
    health_status: entry.health,
    is_healthy: isWell(entry, now),
    metadata,
  };
}

/** The engine that an entry describes, at the address that was judged; undefined if it is none, or not well. */
export function specOf(entry: Entry, now: number): BackendSpec | undefined {
  return specOfEntry({ ...shownEntry(entry, now), host: entry.address });
}
