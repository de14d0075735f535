import { safeParse, type z } from "zod";
import { shown, shownName } from "./_shown.ts";
import { coreScalar } from "./core_scalar.ts";
import type { Interpolated, KeyPath } from "./interpolate.ts";
import { keyDocs } from "./key_docs.ts";
import { nearest } from "./nearest.ts";
import { COMPLETE, configSchema, type ReadConfig } from "./schema.ts";
import { allKeys, keysOf, schemaAt } from "./schema_walk.ts";

/** Something wrong with the meaning of a config: at a value, or unknown keys in a mapping. */
export type Misfit = { path: KeyPath; message: string } | { path: KeyPath; unknownKeys: string[] };

/** Checks a value against the schema. All that is wrong with it comes at once. */
export function validate(
  { value, replaced }: Omit<Interpolated, "problems">,
): { read: ReadConfig } | { misfits: Misfit[] } {
  const written = withoutEmptySections(value);
  let result = configSchema.safeParse(written);
  if (!result.success && coerceReplaced(written, { issues: result.error.issues, replaced })) {
    result = configSchema.safeParse(written);
  }
  if (result.success) return { read: result.data };

  const misfits = result.error.issues.flatMap((issue) => misfitsOf(issue, { written, replaced }));
  const distinct = new Map(misfits.map((misfit) => [JSON.stringify(misfit), misfit]));
  return { misfits: [...distinct.values()] };
}

/** Reads the value of one key by itself, or says in words what is wrong with it. */
export function readOne(path: KeyPath, value: unknown): { value: unknown } | { message: string } {
  const schema = schemaAt(configSchema, path);
  if (schema === undefined) throw new TypeError(`no key ${named(path)}`);
  const result = safeParse(schema, value);
  if (result.success) return { value: result.data };
  const [issue] = result.error.issues;
  return {
    message: issue ? `${issue.message}${received(issue, { path, value })}` : "is not right",
  };
}

/** The message for a key that the mapping at `path` may not have. */
export function unknownKeyMessage(path: KeyPath, name: string): string {
  const known = keysOf(schemaAt(configSchema, path));
  const message = `unknown key ${shownName(name)}${path.length > 0 ? ` in ${named(path)}` : ""}`;
  if (name === "<<") return `${message}: merge keys are not supported`;
  const near = nearest(name, known);
  if (near !== undefined) return `${message}, did you mean \`${near}\`?`;
  const elsewhere = allKeys(configSchema).find((key) => key.length > 1 && key.at(-1) === name);
  if (elsewhere !== undefined) return `${message}, did you mean ${named(elsewhere)}?`;
  return `${message}; known keys: ${known.join(", ")}`;
}

/** A path in the words of an error message: `` `backends[0].url` ``. */
export function named(path: KeyPath): string {
  const text = path.map((part) => typeof part === "number" ? `[${part}]` : `.${part}`).join("");
  return shownName(text.replace(/^\./, ""));
}

/** `health:` with each of its lines commented out means the defaults. */
function withoutEmptySections(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const known = new Set(keysOf(configSchema));
  return Object.fromEntries(
    Object.entries(value).filter(([key, part]) =>
      part !== null || !known.has(key) || key === "backends"
    ),
  );
}

/**
 * Replaced text is text, so that a key of digits stays one; where the schema wants something else,
 * it is read as if it had been written into the file. Says whether any value changed.
 */
function coerceReplaced(
  written: unknown,
  { issues, replaced }: { issues: z.core.$ZodIssue[]; replaced: Interpolated["replaced"] },
): boolean {
  let changed = false;
  for (const { path, code } of issues) {
    const keys = path as KeyPath;
    const text = valueAt(written, keys);
    const last = keys.at(-1);
    if (typeof text !== "string" || last === undefined) continue;
    if (!replaced.has(JSON.stringify(keys))) continue;
    const value = coreScalar(text);
    if (value === text || (code !== "invalid_type" && value !== null)) continue;
    // An empty text is null only where null is an answer; elsewhere the message should show it.
    if (value === null && !acceptsNull(keys)) continue;
    (valueAt(written, keys.slice(0, -1)) as Record<string | number, unknown>)[last] = value;
    changed = true;
  }
  return changed;
}

function acceptsNull(path: KeyPath): boolean {
  const schema = schemaAt(configSchema, path);
  return schema !== undefined && safeParse(schema, null).success;
}

interface Seen {
  written: unknown;
  replaced: Interpolated["replaced"];
}

function misfitsOf(issue: z.core.$ZodIssue, { written, replaced }: Seen): Misfit[] {
  const path = issue.path as KeyPath;
  if (issue.code === "unrecognized_keys") {
    return [{ path, unknownKeys: issue.keys }];
  }
  const last = path.at(-1);
  const parent = valueAt(written, path.slice(0, -1));
  if (last !== undefined && !Object.hasOwn(Object(parent), last)) {
    return [{ path, message: `${named(path)} is missing: it ${issue.message}` }];
  }
  const fromFile = replaced.get(JSON.stringify(path))?.fromFile ?? false;
  const ending = received(issue, { path, value: valueAt(written, path), fromFile });
  return [{ path, message: `${named(path)} ${issue.message}${ending}` }];
}

function received(
  issue: z.core.$ZodIssue,
  { path, value, fromFile = false }: { path: KeyPath; value: unknown; fromFile?: boolean },
): string {
  if (issue.code === "custom" && issue.params === COMPLETE) return "";
  const schema = schemaAt(configSchema, path);
  const hint = needsQuotes(value, schema) ? " (what looks like a number needs quotes)" : "";
  if (schema !== undefined && keyDocs.get(schema)?.secret === true) return hint;
  if (fromFile) return ", received something else from the file it names";

  const near = issue.code === "invalid_value" && typeof value === "string"
    ? nearest(value, issue.values.map(String))
    : undefined;
  return `, received ${shown(value)}${near === undefined ? hint : `, did you mean \`${near}\`?`}`;
}

function needsQuotes(value: unknown, schema: z.core.$ZodType | undefined): boolean {
  return typeof value === "number" && schema !== undefined &&
    safeParse(schema, String(value)).success;
}

function valueAt(value: unknown, path: KeyPath): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string | number, unknown>)[part];
  }
  return here;
}
