import { CONFIG_FLAGS, readConfig } from "./config_file.ts";
import { EXIT } from "./exit.ts";
import { writeOut } from "./stdio.ts";
import type { Verb } from "./verb.ts";

/** Reads the configuration and says what is wrong with it, all at once. */
export const CHECK: Verb = {
  name: "check",
  summary: "check a configuration file and exit",
  flags: CONFIG_FLAGS,
  maxPositionals: 1,
  examples: [
    "infinilm-router check --config config.yaml",
    "infinilm-router check /etc/infinilm-router/config.yaml",
    "infinilm-router migrate --registry-url http://10.0.0.1:18000 | infinilm-router check -",
  ],
  notes:
    "Exits 0 with one line, or 78 with a line for every problem: file:line:column: what is wrong.",
  run(args): number {
    const { backends, discovery, listen } = readConfig(args);
    const sources = discovery.length === 0 ? "" : ` and ${counted(discovery, "source")} of more`;
    writeOut(
      `ok: ${counted(backends, "backend")}${sources}, listening on ${
        shownHost(listen.host)
      }:${listen.port}\n`,
    );
    return EXIT.ok;
  },
};

function counted({ length }: readonly unknown[], noun: string): string {
  return `${length} ${noun}${length === 1 ? "" : "s"}`;
}

function shownHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
