import type { BackendSpec } from "../registry/backend.ts";
import { specAt } from "./spec.ts";

/** What an InfiniLM-SVC registry says of a service (its rust/src/bin/registry.rs); other members may be there. */
export interface InfinilmEntry {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly is_healthy?: boolean;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const HOST = /^[A-Za-z0-9._:-]{1,253}$/;

/**
 * The backend that an entry describes: an engine, not the babysitter beside it. Undefined if it is none, or is
 * not well by the registry's own account, which may take a backend away but never declare it well.
 */
export function specOfEntry(entry: unknown): BackendSpec | undefined {
  if (!isRecord(entry)) return undefined;
  const { name, host, port, is_healthy, metadata } = entry;
  if (typeof name !== "string" || typeof host !== "string" || !HOST.test(host)) return undefined;
  if (!isInteger(port, 1, 65535) || is_healthy === false) return undefined;
  const told = isRecord(metadata) ? metadata : {};
  if (told["type"] !== "openai-api") return undefined;
  const { weight, max_context, cache_type } = told;
  const cacheType = cache_type === "static" || cache_type === "paged" ? cache_type : undefined;
  return specAt({
    name,
    host,
    port,
    models: modelsIn(told),
    weight: isInteger(weight, 0, 1000) ? weight : 1,
    maxInFlight: cacheType === "static" ? 1 : undefined,
    cacheType,
    maxContext: isInteger(max_context, 1, 1_000_000_000) ? max_context : undefined,
    metadata: told,
  });
}

function modelsIn({ models }: Readonly<Record<string, unknown>>): string[] | undefined {
  if (!Array.isArray(models)) return undefined;
  const names = models.filter((name): name is string =>
    typeof name === "string" && name !== "" && name.length <= 512
  );
  return names.length > 0 ? [...new Set(names)] : undefined;
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
