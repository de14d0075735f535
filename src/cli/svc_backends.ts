import type { SvcService } from "../config/svc_services.ts";
import { yamlText } from "./yaml_text.ts";

/** Services of InfiniLM-SVC as this router's `backends`. */
export interface SvcBackends {
  /** The list's items, one line each of YAML. */
  lines: string[];
  /** What is not as it was written, for people. */
  notes: string[];
}

/** Of metadata, what has a key here. */
const KNOWN = new Set(["models", "cache_type", "max_context"]);
const MODEL = /^\P{Cc}{1,512}$/u;
const MAX_CONTEXT = 1_000_000_000;

/**
 * Writes static services as backends. Of several with one name the last counts, as with InfiniLM-SVC; of several
 * at one address the first, as here an address is one backend.
 */
export function svcBackends(services: readonly SvcService[]): SvcBackends {
  const result: SvcBackends = { lines: [], notes: [] };
  const last = new Map(services.map((service) => [service.name, service]));
  const nameAt = new Map<string, string>();
  const names = new Set<string>();
  for (const service of services) {
    const shown = yamlText(service.name);
    if (last.get(service.name) !== service) {
      leftOut(result, `${shown} at ${service.url}: a later service has its name`);
      continue;
    }
    const other = nameAt.get(service.url);
    if (other !== undefined) {
      leftOut(result, `${shown} at ${service.url}: ${other} has its address`);
      continue;
    }
    nameAt.set(service.url, shown);
    const name = freeName(safeName(service), names);
    names.add(name);
    if (name !== service.name) result.notes.push(`service ${shown} is called ${name} here`);
    result.lines.push(...itemOf(service, name));
  }
  return result;
}

function leftOut({ lines, notes }: SvcBackends, what: string): void {
  lines.push(`# left out: ${what}`);
  notes.push(`service left out: ${what}`);
}

function itemOf({ name: written, url, weight, metadata }: SvcService, name: string): string[] {
  const { models, cache_type, max_context } = metadata;
  const lines = [
    `- name: ${yamlText(name)}${name === written ? "" : ` # ${yamlText(written)} there`}`,
    `  url: ${yamlText(url)}`,
    `  weight: ${weight}`,
  ];
  const served = namesIn(models);
  if (served.length > 0) {
    lines.push(`  models: [${served.map(yamlText).join(", ")}] # metadata.models`);
  }
  if (cache_type === "static" || cache_type === "paged") {
    const single = cache_type === "static" ? "; static: max_in_flight is 1" : "";
    lines.push(`  cache_type: ${cache_type} # metadata.cache_type${single}`);
  }
  if (isContext(max_context)) lines.push(`  max_context: ${max_context} # metadata.max_context`);
  const rest = Object.keys(metadata).filter((key) => !KNOWN.has(key)).map(yamlText);
  if (rest.length > 0) lines.push(`  # metadata without a key here: ${rest.join(", ")}`);
  return lines;
}

function namesIn(models: unknown): string[] {
  if (!Array.isArray(models)) return [];
  return [
    ...new Set(
      models.filter((name): name is string => typeof name === "string" && MODEL.test(name)),
    ),
  ];
}

function isContext(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_CONTEXT;
}

/** A name as `backends[].name` takes it; the address where nothing is left. */
function safeName({ name, url }: SvcService): string {
  const safe = name.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 64);
  return /[A-Za-z0-9]/.test(safe) ? safe : url.replace("http://", "").replaceAll(/[^\w.-]/g, "_");
}

/** Two names may differ only in what is not allowed here. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let count = 2; taken.has(free); count++) free = `${name.slice(0, 58)}_${count}`;
  return free;
}
