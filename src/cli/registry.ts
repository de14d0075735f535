import { AddressList } from "../discovery/address_list.ts";
import { type Flags, numberFlag, type ParsedArgs } from "./args.ts";
import { CONFIG_FLAGS } from "./config_file.ts";
import { CliError, EXIT } from "./exit.ts";
import { LastResort } from "./last_resort.ts";
import { processLog } from "./process_log.ts";
import { startRegistry } from "./registry_server.ts";
import { signalLoop } from "./signals.ts";
import type { Verb } from "./verb.ts";
import { giveUpWriting } from "./write_permission.ts";

const FLAGS: Flags = {
  host: { type: "string", value: "HOST", help: "address to listen on (default: 0.0.0.0)" },
  port: {
    ...CONFIG_FLAGS["port"]!,
    help: "port to listen on (default: 18000; 0 takes a free one)",
  },
  "health-interval": {
    type: "string",
    value: "S",
    help: "seconds between two checks of a service (default: 30)",
  },
  "health-timeout": {
    type: "string",
    value: "S",
    help: "seconds that a check may take (default: 5)",
  },
  "cleanup-interval": {
    type: "string",
    value: "S",
    help: "seconds between two looks for services that are gone (default: 60)",
  },
  "state-file": {
    type: "string",
    value: "FILE",
    help: "keep services there across restarts (default: nowhere)",
  },
  allow: {
    type: "string",
    value: "NET,…",
    help: "trusted networks, such as 203.0.113.0/24; see below",
  },
  "log-level": {
    ...CONFIG_FLAGS["log-level"]!,
    help: "debug, info, warn or error (default: info)",
  },
  "log-format": { ...CONFIG_FLAGS["log-format"]!, help: "text or json (default: text)" },
};

/** A registry in the place of InfiniLM-SVC's, until it is told to stop. */
export const REGISTRY: Verb = {
  name: "registry",
  summary: "run a service registry for InfiniLM-SVC's babysitters and routers",
  writes: true,
  flags: FLAGS,
  examples: [
    "infinilm-router registry --port 18000",
    "infinilm-router registry --state-file /var/lib/infinilm-router/registry.json",
  ],
  notes:
    `Services register at private addresses only (RFC 1918, 4193, loopback, link-local) and are changed only
from the address that registered them. --allow names networks whose addresses may be registered, too, and
whose clients may change every service.
SIGTERM and SIGINT: ends, exit 0.`,
  async run(args): Promise<number> {
    const seconds = (name: string): number | undefined => {
      const given = numberFlag(args, { name, min: 0.1, max: 86_400 });
      return given === undefined ? undefined : given * 1000;
    };
    const options = {
      listen: {
        host: text(args, "host") ?? "0.0.0.0",
        port: numberFlag(args, { name: "port", min: 0, max: 65535, integer: true }) ?? 18000,
      },
      allow: allowFlag(text(args, "allow")),
      removalGraceMs: 0,
      stateFile: text(args, "state-file"),
      healthIntervalMs: seconds("health-interval"),
      healthTimeoutMs: seconds("health-timeout"),
      cleanupIntervalMs: seconds("cleanup-interval"),
    };
    if (options.stateFile === undefined) giveUpWriting();
    const log = processLog({
      level: oneOf(args, "log-level", ["info", "debug", "warn", "error"]),
      format: oneOf(args, "log-format", ["text", "json"]),
    });
    new LastResort({ log, now: () => performance.now() }).listen(globalThis);
    const registry = startRegistry({ ...options, log });
    const stopped = signalLoop({
      async drain(signal): Promise<void> {
        log.info("stopping", { signal });
        await registry.stop();
      },
      reload: () => log.info("SIGHUP ignored: there is nothing to read again"),
    });
    const exitCode = await Promise.race([
      stopped.then(() => EXIT.ok),
      registry.lost.then(async () => {
        await registry.stop(); // what has not been written yet is
        return EXIT.unavailable;
      }),
    ]);
    log.info("stopped");
    return exitCode;
  },
};

function text({ values }: ParsedArgs, name: string): string | undefined {
  return values[name] as string | undefined;
}

function allowFlag(networks: string | undefined): AddressList {
  try {
    return new AddressList(networks?.split(",") ?? []);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CliError(`--allow: ${error.message}`, EXIT.usage);
  }
}

/** A flag's word; the first of `words` if it was not given. */
function oneOf<Word extends string>(
  args: ParsedArgs,
  name: string,
  words: readonly [Word, ...Word[]],
): Word {
  const asked = text(args, name) ?? words[0];
  const word = words.find((word) => word === asked);
  if (word !== undefined) return word;
  const wanted = words.join(", ");
  throw new CliError(`--${name} must be one of ${wanted}, received '${asked}'`, EXIT.usage);
}
