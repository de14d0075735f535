import type { Config, SourceConfig } from "../config/config.ts";
import { parseBackendList } from "../config/load.ts";
import { dns } from "../discovery/dns.ts";
import { FileSource } from "../discovery/file_source.ts";
import { infinilmRegistry } from "../discovery/infinilm_registry.ts";
import type { Source } from "../discovery/source.ts";
import { StaticSource } from "../discovery/static_source.ts";
import type { Log } from "../observe/log.ts";

/** Every source that the configuration names, the list in it first. */
export function createSources(config: Config, { log }: { log: Log }): Source[] {
  const onDefect = (error: unknown): void => log.error("internal error", { error });
  const listed = new StaticSource(config.backends);
  return [listed, ...config.discovery.map((source) => createSource(source, onDefect))];
}

function createSource(source: SourceConfig, onDefect: (error: unknown) => void): Source {
  switch (source.kind) {
    case "infinilm_registry":
      return infinilmRegistry({ ...source, onDefect });
    case "dns":
      return dns({ ...source, onDefect });
    case "file":
      return new FileSource({
        ...source,
        parse: (text) => parseBackendList(text, source.path),
      });
    case "serve_registry":
      throw new TypeError("served by cli/registry_server.ts");
  }
}
