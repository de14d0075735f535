import { isDeepStrictEqual } from "node:util";
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
export class Sources {
  /** Registries that this router serves. */
  readonly registries: readonly RunningRegistry[];
  readonly #log: Log;
  readonly #static: StaticSource;
  #others: readonly { readonly config: SourceConfig; readonly source: Source }[];

  /** Throws `CliError` if a registry cannot have its address, or its state file. */
  constructor(config: Config, { log }: { log: Log }) {
    const { stateFile, discovery, backends } = config;
    const registries: RunningRegistry[] = [];
    this.#log = log;
    this.#static = new StaticSource(backends);
    this.#others = discovery.map((config) => {
      if (config.kind !== "serve_registry") return { config, source: createSource(config, log) };
      const allow = new AddressList(config.allow);
      const registry = startRegistry({ ...config, allow, stateFile, log });
      registries.push(registry);
      return { config, source: registry.source };
    });
    this.registries = registries;
  }

  /** The list in the configuration first. */
  get all(): readonly Source[] {
    return [this.#static, ...this.#others.map(({ source }) => source)];
  }

  /** Takes another configuration: who is named alike stays; registries that are served stay as they began. */
  configure({ backends, discovery }: Config): void {
    const before = this.#others;
    const served = before.filter(({ config }) => config.kind === "serve_registry");
    const polled = discovery.flatMap((config) => {
      if (config.kind === "serve_registry") return [];
      const same = before.find((other) => isDeepStrictEqual(other.config, config));
      return [same ?? { config, source: createSource(config, this.#log) }];
    });
    this.#others = [...served, ...polled];
    this.#static.update(backends);
  }
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
