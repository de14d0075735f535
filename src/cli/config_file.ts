import type { Config } from "../config/config.ts";
import {
  ConfigError,
  ConfigUnreadable,
  loadConfig,
  type Overrides,
  parseConfig,
} from "../config/load.ts";
import { type Flags, numberFlag, type ParsedArgs } from "./args.ts";
import { CliError, EXIT } from "./exit.ts";
import { readStdin } from "./stdio.ts";
import { type SvcConfig, svcConfig } from "./svc_config.ts";
import { svcFlagsIn } from "./svc_flags.ts";

/** The flags of every verb that reads the configuration. */
export const CONFIG_FLAGS: Flags = {
  config: {
    type: "string",
    short: "c",
    value: "FILE",
    help: "the configuration (default: ./config.yaml; - is standard input)",
  },
  host: { type: "string", value: "HOST", help: "instead of listen.host" },
  port: {
    type: "string",
    short: "p",
    value: "PORT",
    help: "instead of listen.port; 0 takes a free one",
  },
  "log-level": {
    type: "string",
    value: "LEVEL",
    help: "debug, info, warn or error, instead of log.level",
  },
  "log-format": { type: "string", value: "FORMAT", help: "text or json, instead of log.format" },
};

/** Loads the configuration that the flags name. Throws `CliError` (64, 66, 78). */
export function readConfig(args: ParsedArgs): Config {
  const { values, positionals } = args;
  if (values["config"] !== undefined && positionals.length > 0) {
    throw new CliError(
      `two configurations: --config ${values["config"]} and '${positionals[0]}'`,
      EXIT.usage,
    );
  }
  const path = pathIn(args);
  const overrides = overridesOf(args);
  return inPlainWords(() =>
    path === "-"
      ? parseConfig(standardInput(), "standard input", { overrides })
      : loadConfig(path, { overrides })
  );
}

let input: string | undefined;

/** It can be read once; whoever reads it again gets the same. */
function standardInput(): string {
  return input ??= readStdin();
}

function pathIn({ values, positionals }: ParsedArgs): string {
  return (values["config"] as string | undefined) ?? positionals[0] ?? "config.yaml";
}

/** The file that `readServed` reads; undefined if it is standard input, or flags stand for one. */
export function configPath(args: ParsedArgs): string | undefined {
  if (svcFlagsIn(args).length > 0) return undefined;
  const path = pathIn(args);
  return path === "-" ? undefined : path;
}

/**
 * What is to be served: the configuration that the flags name or, with a flag of InfiniLM-SVC's router among
 * them, the one that these stand for. Throws `CliError` (64, 66, 78).
 */
export function readServed(args: ParsedArgs): { config: Config; svc?: SvcConfig } {
  const [first] = svcFlagsIn(args);
  if (first === undefined) return { config: readConfig(args) };
  const { values } = args;
  if (values["config"] !== undefined) {
    const message = `two configurations: --config ${values["config"]}, and --${first} of ` +
      "InfiniLM-SVC's router, whose flags stand for a whole one (see infinilm-router migrate --help)";
    throw new CliError(message, EXIT.usage);
  }
  if (values["port"] !== undefined && values["router-port"] !== undefined) {
    throw new CliError("two ports: --port and --router-port", EXIT.usage);
  }
  return readSvc(args, overridesOf(args));
}

/** The configuration that the flags of InfiniLM-SVC's router stand for. Throws `CliError` (64, 66, 78). */
export function readSvc(
  args: ParsedArgs,
  overrides: Overrides = {},
): { config: Config; svc: SvcConfig } {
  return inPlainWords(() => {
    const svc = svcConfig(args, { env: Deno.env.get });
    return { config: parseConfig(svc.text, "infinilm-router migrate", { overrides }), svc };
  });
}

/** What the flags say in place of the file. */
export function overridesOf(args: ParsedArgs): Overrides {
  const { values } = args;
  return {
    host: values["host"] as string | undefined,
    port: numberFlag(args, { name: "port", min: 0, max: 65535, integer: true }),
    logLevel: values["log-level"] as string | undefined,
    logFormat: values["log-format"] as string | undefined,
  };
}

/** Gives what is wrong with a configuration its exit code: 66 unreadable, 64 a flag, 78 the file. */
export function inPlainWords<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof ConfigError) {
      const flagsOnly = error.problems.every(({ line }) => line === 0);
      throw new CliError(error.message, flagsOnly ? EXIT.usage : EXIT.config);
    }
    if (error instanceof ConfigUnreadable) throw new CliError(error.message, EXIT.noInput);
    throw error;
  }
}
