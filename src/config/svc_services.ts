import { readFailure } from "./_read_failure.ts";
import { shown } from "./_shown.ts";
import { parseBackendUrl } from "./backend_url.ts";
import { ConfigError } from "./config_error.ts";
import { ConfigUnreadable } from "./config_unreadable.ts";
import type { KeyPath } from "./interpolate.ts";
import { type Position, YamlSource } from "./yaml_source.ts";

/** One service of a file for InfiniLM-SVC's `--static-services`. */
export interface SvcService {
  name: string;
  /** `http://host:port`. */
  url: string;
  weight: number;
  /** As it stands there; empty where there is none, or something else than a mapping. */
  metadata: Readonly<Record<string, unknown>>;
}

/**
 * Reads a file for `--static-services` as InfiniLM-SVC's router does (its rust/src/config.rs): a list of
 * services, alone or under `services` or `static_services.services`; members that it does not know pass.
 *
 * @throws {ConfigUnreadable} The file cannot be read.
 * @throws {ConfigError} It is no such list; all problems at once.
 */
export function readSvcServices(
  path: string,
  readTextFile: (path: string) => string = Deno.readTextFileSync,
): SvcService[] {
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    throw new ConfigUnreadable(`cannot read ${path}: ${readFailure(error)}`, { cause: error });
  }
  const { value, at } = listIn(parseJson(text, path), path);
  const problems: { path: KeyPath; message: string }[] = [];
  const services = value.map((item, index) =>
    readService(item, (key, wanted) =>
      problems.push({
        path: key === "" ? [...at, index] : [...at, index, key],
        message: complaint(item, { index, key, wanted }),
      }))
  );
  if (problems.length === 0) return services;
  // JSON is YAML, as far as places go.
  const places = new YamlSource(text);
  throw new ConfigError(
    problems.map(({ path: place, message }) => ({ path, ...places.valueAt(place), message })),
  );
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const [reason] = message.split(" in JSON at position");
    throw new ConfigError([{ path, ...placeIn(message), message: `is not JSON: ${reason}` }]);
  }
}

/** The place that V8 tells of; the start, where it tells none. */
function placeIn(message: string): Position {
  const [, line = 1, column = 1] = /\(line (\d+) column (\d+)\)/.exec(message) ?? [];
  return { line: Number(line), column: Number(column) };
}

function listIn(file: unknown, path: string): { value: unknown[]; at: KeyPath } {
  for (const at of [["static_services", "services"], ["services"], []]) {
    const value = at.reduce<unknown>((part, key) => member(part, key), file);
    if (Array.isArray(value)) return { value, at };
  }
  const message = "must be a list of services, alone or under `services` or " +
    `\`static_services.services\`, received ${shown(file)}`;
  throw new ConfigError([{ path, line: 1, column: 1, message }]);
}

type Complain = (key: "name" | "host" | "port" | "weight" | "", wanted: string) => void;

/** What was complained of is never used. */
function readService(item: unknown, complain: Complain): SvcService {
  if (!isMapping(item)) complain("", "a mapping with `name`, `host` and `port`");
  const told = isMapping(item) ? item : {};
  const { name, host, port, weight = 1, metadata } = told;
  if (isMapping(item)) {
    if (typeof name !== "string") complain("name", "text");
    if (!isInteger(port, 1, 65535)) complain("port", "an integer from 1 to 65535");
    if (!isInteger(weight, 0, 1000)) complain("weight", "an integer from 0 to 1000");
  }
  const url = addressOf(host, isInteger(port, 1, 65535) ? port : 1);
  if (url === undefined && isMapping(item)) complain("host", "an IP address or a host name");
  return {
    name: String(name),
    url: url ?? "",
    weight: Number(weight),
    metadata: isMapping(metadata) ? metadata : {},
  };
}

/** `http://host:port`; undefined if the host is none. */
function addressOf(host: unknown, port: number): string | undefined {
  if (typeof host !== "string" || !/^[A-Za-z0-9._:[\]-]{1,253}$/.test(host)) return undefined;
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const read = parseBackendUrl(`http://${bare.includes(":") ? `[${bare}]` : bare}:${port}`);
  return "refusal" in read ? undefined : read.url;
}

function complaint(
  item: unknown,
  { index, key, wanted }: { index: number; key: string; wanted: string },
): string {
  if (key === "") return `service ${index} must be ${wanted}, received ${shown(item)}`;
  const name = member(item, "name");
  const whose = typeof name === "string" ? `service ${index} (${shown(name)})` : `service ${index}`;
  return `\`${key}\` of ${whose} must be ${wanted}, received ${shown(member(item, key))}`;
}

function member(value: unknown, key: string): unknown {
  return isMapping(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
