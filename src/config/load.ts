import { readFailure } from "./_read_failure.ts";
import { type Misfit, named, readOne, unknownKeyMessage, validate } from "./_validate.ts";
import type { BackendConfig, Config } from "./config.ts";
import { ConfigError, type ConfigProblem } from "./config_error.ts";
import { ConfigUnreadable } from "./config_unreadable.ts";
import { interpolate } from "./interpolate.ts";
import { readYaml } from "./read_yaml.ts";
import { resolve } from "./resolve.ts";
import { configSchema, type ReadConfig } from "./schema.ts";
import { keysOf, schemaAt } from "./schema_walk.ts";
import { type Fault, YamlSource } from "./yaml_source.ts";

export { ConfigError, type ConfigProblem } from "./config_error.ts";
export { ConfigUnreadable } from "./config_unreadable.ts";

/** Flags of the command line that stand above the file. */
export interface Overrides {
  host?: string;
  port?: number;
  logLevel?: string;
  logFormat?: string;
}

/** What a config is made from besides its text. */
export interface LoadOptions {
  overrides?: Overrides;
  /** An environment variable's value; by default the process's own. */
  env?: (name: string) => string | undefined;
  /** A file's content; throws if it cannot be read. By default the real file's. */
  readTextFile?: (path: string) => string;
}

/**
 * Reads, checks and resolves a config file. Nothing about it can fail later.
 *
 * @throws {ConfigUnreadable} The file cannot be read.
 * @throws {ConfigError} The file, or a flag in `overrides`, is not right; all problems at once.
 */
export function loadConfig(path: string, options: LoadOptions = {}): Config {
  const { readTextFile = Deno.readTextFileSync } = options;
  let text: string;
  try {
    text = readTextFile(path);
  } catch (error) {
    throw new ConfigUnreadable(`cannot read ${path}: ${readFailure(error)}`, { cause: error });
  }
  return parseConfig(text, path, options);
}

/**
 * Checks and resolves the text of a config file. `path` is for messages, and its folder is where
 * the relative paths of `${file:…}` begin.
 *
 * @throws {ConfigError} The text, or a flag in `overrides`, is not right; all problems at once.
 */
export function parseConfig(text: string, path: string, options: LoadOptions = {}): Config {
  const { faults, read } = readConfig(text, { ...options, folder: folderOf(path) });
  const flags = readFlags(options.overrides ?? {});
  if (read === undefined || faults.length > 0 || flags.problems.length > 0) {
    const sorted = faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
    throw new ConfigError([...flags.problems, ...sorted.map((fault) => ({ path, ...fault }))]);
  }
  const config = resolve(read);
  return {
    ...config,
    listen: { ...config.listen, ...flags.values.listen },
    log: { ...config.log, ...flags.values.log },
  };
}

/**
 * The backends of a file that lists them as under `backends:`, with or without that key, in YAML or JSON.
 *
 * @throws {ConfigError} The text is not right; all problems at once.
 */
export function parseBackendList(text: string, path: string): BackendConfig[] {
  const first = /^(?:\s*(?:#.*)?\n)*\s*(?<character>[[-])/.exec(text)?.groups?.["character"];
  if (first === "[") return parseConfig(`{"backends": ${text}\n}`, path).backends;
  if (first !== "-") return parseConfig(text, path).backends;
  try {
    return parseConfig(`backends:\n${text}`, path).backends;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(
      error.problems.map((problem) => ({ ...problem, line: problem.line - 1 })),
    );
  }
}

function readConfig(
  text: string,
  options: LoadOptions & { folder: string },
): { faults: Fault[]; read?: ReadConfig } {
  const { value, faults } = readYaml(text);
  if (value === undefined) return { faults };

  const { env = Deno.env.get, readTextFile = Deno.readTextFileSync, folder } = options;
  const replaced = interpolate(value, {
    env,
    readFile: (file) => readPart(file.startsWith("/") ? file : folder + file, readTextFile),
  });
  const result = validate(replaced);
  if ("read" in result && replaced.problems.length === 0) return { faults, read: result.read };

  // A text that could not be put together has been complained about already.
  const broken = new Set(replaced.problems.map(({ path }) => JSON.stringify(path)));
  const misfits = "read" in result
    ? []
    : result.misfits.filter(({ path }) => !broken.has(JSON.stringify(path)));
  const unresolved = replaced.problems.map(({ path, message }) => ({
    path,
    message: `${named(path)} ${message}`,
  }));
  const places = new YamlSource(text);
  // What one YAML reader lets pass and the other does not is the likely cause of the rest.
  const syntax = places.syntaxFault();
  if (syntax !== undefined) return { faults: [...faults, syntax] };
  // What stands at an unclear value is no problem of its own: YAML readers differ in what it is.
  const unclear = new Set(faults.map(placeOf));
  const located = [...unresolved, ...misfits].flatMap((misfit) => locate(misfit, places))
    .filter((fault) => !unclear.has(placeOf(fault)));
  return { faults: [...faults, ...located] };
}

function placeOf({ line, column }: Fault): string {
  return `${line}:${column}`;
}

function locate(misfit: Misfit, places: YamlSource): Fault[] {
  const { path } = misfit;
  if ("message" in misfit) return [{ ...places.valueAt(path), message: misfit.message }];
  // Their names as written: YAML readers differ in how they make text of a key such as `~`.
  const known = new Set(keysOf(schemaAt(configSchema, path)));
  const written = places.keysAt(path).filter(({ name }) => !known.has(name));
  const unknown = written.length > 0
    ? written
    : misfit.unknownKeys.map((name) => ({ name, ...places.valueAt(path) }));
  return unknown.map(({ name, line, column }) => ({
    line,
    column,
    message: unknownKeyMessage(path, name),
  }));
}

const FLAGS = [
  { flag: "--host", option: "host", section: "listen", key: "host" },
  { flag: "--port", option: "port", section: "listen", key: "port" },
  { flag: "--log-level", option: "logLevel", section: "log", key: "level" },
  { flag: "--log-format", option: "logFormat", section: "log", key: "format" },
] as const;

interface Flags {
  values: { listen: Partial<Config["listen"]>; log: Partial<Config["log"]> };
  problems: ConfigProblem[];
}

function readFlags(overrides: Overrides): Flags {
  const flags: Flags = { values: { listen: {}, log: {} }, problems: [] };
  for (const { flag, option, section, key } of FLAGS) {
    const given = overrides[option];
    if (given === undefined) continue;
    const one = readOne([section, key], given);
    if ("value" in one) Object.assign(flags.values[section], { [key]: one.value });
    else flags.problems.push({ path: flag, line: 0, column: 0, message: one.message });
  }
  return flags;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function readPart(path: string, readTextFile: (path: string) => string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    throw new Error(readFailure(error), { cause: error });
  }
}
