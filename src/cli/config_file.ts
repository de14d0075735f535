import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config_error.ts";
import { ConfigUnreadable } from "../config/config_unreadable.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags, ParsedArgs } from "./args.ts";
import { CliError, EXIT } from "./exit.ts";

/** The flags of every verb that reads the configuration. */
export const CONFIG_FLAGS: Flags = {
  config: {
    type: "string",
    short: "c",
    value: "FILE",
    help: "the configuration (default: ./config.yaml)",
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

/** Loads the configuration that the flags name. Throws `CliError` (66, 78). */
export function readConfig({ values, positionals }: ParsedArgs): Config {
  const path = (values["config"] as string | undefined) ?? positionals[0] ?? "config.yaml";
  try {
    return loadConfig(path, {
      overrides: {
        host: values["host"] as string | undefined,
        port: values["port"] === undefined ? undefined : Number(values["port"] || NaN),
        logLevel: values["log-level"] as string | undefined,
        logFormat: values["log-format"] as string | undefined,
      },
    });
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(error.message, EXIT.config);
    if (error instanceof ConfigUnreadable) throw new CliError(error.message, EXIT.noInput);
    throw error;
  }
}
