import { isDeepStrictEqual } from "node:util";
import type { BackendConfig, Config } from "./config.ts";

/** What another configuration changes, for people to read. */
export interface Difference {
  /** `+ backend a`, `- backend b`, `backend c: weight 1 -> 2`, `timeouts.idle 2m -> 1m`. */
  readonly changes: readonly string[];
  /** Keys whose change takes a restart. */
  readonly restart: readonly string[];
}

/** Keys that are read once, at the start. */
const AT_START: readonly string[] = ["listen", "state_file"];

/** What is never shown. */
const SECRET = "apiKey";

/** What changes from one configuration to another. */
export function difference(before: Config, after: Config): Difference {
  const { backends: backendsBefore, discovery: sourcesBefore, ...restBefore } = before;
  const { backends: backendsAfter, discovery: sourcesAfter, ...restAfter } = after;
  const others = changesIn(restBefore, restAfter);
  const served = [sourcesBefore, sourcesAfter].map((sources) =>
    sources.filter(({ kind }) => kind === "serve_registry")
  );
  const registries = isDeepStrictEqual(served[0], served[1]) ? [] : ["discovery.serve_registry"];
  return {
    changes: [
      ...changesOfBackends(backendsBefore, backendsAfter),
      ...changesOfSources(sourcesBefore, sourcesAfter),
      ...others.filter(({ key }) => !isAtStart(key)).map(({ text }) => text),
    ],
    restart: [...others.filter(({ key }) => isAtStart(key)).map(({ key }) => key), ...registries],
  };
}

function isAtStart(key: string): boolean {
  return AT_START.some((start) => key === start || key.startsWith(`${start}.`));
}

function changesOfBackends(
  before: readonly BackendConfig[],
  after: readonly BackendConfig[],
): string[] {
  const old = new Map(before.map((backend) => [backend.name, backend]));
  const changes: string[] = [];
  for (const backend of after) {
    const { name } = backend;
    const was = old.get(name);
    if (was === undefined) changes.push(`+ backend ${name}`);
    else {
      const texts = changesIn(was, backend).map(({ text }) => text);
      if (texts.length > 0) changes.push(`backend ${name}: ${texts.join(", ")}`);
    }
    old.delete(name);
  }
  return [...changes, ...[...old.keys()].map((name) => `- backend ${name}`)];
}

function changesOfSources(before: Config["discovery"], after: Config["discovery"]): string[] {
  const isIn = (sources: Config["discovery"]) => (source: Config["discovery"][number]) =>
    sources.some((other) => isDeepStrictEqual(source, other));
  const polled = (sources: Config["discovery"]): Config["discovery"] =>
    sources.filter(({ kind }) => kind !== "serve_registry");
  return [
    ...polled(after).filter((source) => !isIn(before)(source)).map(({ kind }) =>
      `+ source ${kind}`
    ),
    ...polled(before).filter((source) => !isIn(after)(source)).map(({ kind }) =>
      `- source ${kind}`
    ),
  ];
}

interface Change {
  readonly key: string;
  readonly text: string;
}

/** Changed members, however deep, by the names that the file has for them. */
function changesIn(before: object, after: object, prefix = ""): Change[] {
  const old: Record<string, unknown> = { ...before };
  const next: Record<string, unknown> = { ...after };
  return [...new Set([...Object.keys(old), ...Object.keys(next)])].flatMap((member) => {
    const [was, is] = [old[member], next[member]];
    if (isDeepStrictEqual(was, is)) return [];
    const key = prefix + keyOf(member);
    if (isMapping(was) && isMapping(is)) return changesIn(was, is, `${key}.`);
    const text = member === SECRET
      ? `${key} changed`
      : `${key} ${shown(was, member)} -> ${shown(is, member)}`;
    return [{ key, text }];
  });
}

/** `keepAliveMs` is `keep_alive` in the file. */
function keyOf(member: string): string {
  return member.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isMapping(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown, member: string): string {
  if (typeof value === "number" && member.endsWith("Ms")) return durationOf(value);
  if (value === undefined || value === null) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** In the largest unit of which it is a whole number. */
function durationOf(ms: number): string {
  for (const [unit, length] of [["h", 3_600_000], ["m", 60_000], ["s", 1000]] as const) {
    if (ms > 0 && ms % length === 0) return `${ms / length}${unit}`;
  }
  return ms === 0 ? "0s" : `${ms}ms`;
}
