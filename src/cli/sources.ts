import type { Config, SourceConfig } from "../config/config.ts";
import { parseBackendList } from "../config/load.ts";
import { AddressList } from "../discovery/address_list.ts";
import { dns } from "../discovery/dns.ts";
import { FileSource } from "../discovery/file_source.ts";
import { infinilmRegistry } from "../discovery/infinilm_registry.ts";
import type { Source } from "../discovery/source.ts";
import { StaticSource } from "../discovery/static_source.ts";
import type { Log } from "../observe/log.ts";
import { type RunningRegistry, startRegistry } from "./registry_server.ts";

/** Every source that the configuration names, and what of them must be stopped. */
export interface Sources {
  /** The list in the configuration first. */
  readonly all: readonly Source[];
  /** Registries that this router serves. */
  readonly registries: readonly RunningRegistry[];
}

/** Throws `CliError` if a registry cannot have its address, or its state file. */
export function createSources(config: Config, { log }: { log: Log }): Sources {
  const all: Source[] = [new StaticSource(config.backends)];
  const registries: RunningRegistry[] = [];
  for (const source of config.discovery) {
    if (source.kind !== "serve_registry") {
      all.push(createSource(source, log));
      continue;
    }
    const registry = startRegistry({
      ...source,
      allow: new AddressList(source.allow),
      stateFile: config.stateFile,
      log,
    });
    registries.push(registry);
    all.push(registry.source);
  }
  return { all, registries };
}

function createSource(
  source: Exclude<SourceConfig, { kind: "serve_registry" }>,
  log: Log,
): Source {
  const onDefect = (error: unknown): void => log.error("internal error", { error });
  switch (source.kind) {
    case "infinilm_registry":
      return infinilmRegistry({ ...source, onDefect });
    case "dns":
      return dns({ ...source, onDefect });
    case "file":
      return new FileSource({ ...source, parse: (text) => parseBackendList(text, source.path) });
  }
}
