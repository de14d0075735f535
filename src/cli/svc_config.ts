import { parseBackendUrl } from "../config/backend_url.ts";
import { readSvcServices } from "../config/svc_services.ts";
import type { ParsedArgs } from "./args.ts";
import { CliError, EXIT } from "./exit.ts";
import { svcBackends } from "./svc_backends.ts";
import { type SvcNumber, SvcTold, type SvcValue } from "./svc_told.ts";
import { yamlText } from "./yaml_text.ts";

/** A configuration that means the same as the command line of InfiniLM-SVC's router. */
export interface SvcConfig {
  /** YAML, with comments that say where each value comes from. */
  text: string;
  mapped: SvcTold["mapped"];
  notes: SvcTold["notes"];
}

/** The world outside the command line. */
export interface SvcSources {
  /** An environment variable's value, or undefined if it is not set. */
  env: (name: string) => string | undefined;
  /** A file's content; throws if it cannot be read. By default the real file's. */
  readTextFile?: (path: string) => string;
}

const DAY_S = 24 * 3600;

const PORT: SvcNumber = {
  source: "--router-port",
  key: "listen.port",
  unit: "",
  fallback: 8080,
  min: 0,
  max: 65535,
  most: 65535,
};
const SYNC: SvcNumber = {
  source: "--registry-sync-interval",
  key: "discovery[0].infinilm_registry.interval",
  unit: "s",
  fallback: 10,
  min: 1,
  max: 3600,
};
const GRACE: SvcNumber = {
  source: "--service-removal-grace-period",
  key: "discovery[0].infinilm_registry.removal_grace",
  unit: "s",
  fallback: 60,
  min: 0,
  max: DAY_S,
};
const INTERVAL: SvcNumber = {
  source: "--health-interval",
  key: "health.interval",
  unit: "s",
  fallback: 30,
  min: 1,
  max: DAY_S,
};
const TIMEOUT: SvcNumber = {
  source: "--health-timeout",
  key: "health.timeout",
  unit: "s",
  fallback: 5,
  min: 1,
  max: DAY_S, // or health.interval
};
const MAX_ERRORS: SvcNumber = {
  source: "--max-errors",
  key: "health.unhealthy_after",
  unit: "",
  fallback: 3,
  min: 1,
  max: 1000,
  note: "InfiniLM-SVC's router counts to it and does nothing; one failed check is enough there.",
};
const PROXY_TIMEOUT: SvcNumber = {
  source: "PROXY_TIMEOUT_SECONDS",
  key: "timeouts.request",
  unit: "s",
  fallback: 1800,
  min: 1,
  max: DAY_S,
  note:
    "A stream has it until its first byte; for its end there is timeouts.total, which has no limit.",
};
const THRESHOLD: SvcNumber = {
  source: "CACHE_TYPE_ROUTING_THRESHOLD",
  key: "routing.size_threshold",
  unit: "B",
  fallback: 51200,
  min: 1,
  max: 1024 ** 3,
  note: "Here of the whole body, there of the texts in it.",
};

/**
 * Translates what these flags and its two environment variables tell InfiniLM-SVC's router. Throws `CliError`
 * (64, 78), and what `readSvcServices` throws.
 */
export function svcConfig(args: ParsedArgs, { env, readTextFile }: SvcSources): SvcConfig {
  const told = new SvcTold(args, env);
  const file = told.text("--static-services");
  const registry = told.text("--registry-url");
  if (file === undefined && registry === undefined) {
    throw new CliError(
      "InfiniLM-SVC's flags name no backends: --registry-url or --static-services is needed",
      EXIT.usage,
    );
  }
  const section = (name: string, ...values: SvcValue[]): string[] => [
    `${name}:`,
    ...values.flatMap(({ lines }) => lines.map((line) => `  ${line}`)),
  ];
  const listen = section("listen", told.number(PORT));
  const backends = file === undefined ? [] : backendsIn(file, told, readTextFile);
  const discovery = registry === undefined ? withoutRegistry(told) : discoveryAt(registry, told);
  const interval = told.number(INTERVAL);
  // There a check may take longer than the time between two.
  const timeout = told.number({ ...TIMEOUT, max: interval.value });
  const sections = [
    HEAD,
    listen,
    backends,
    discovery,
    section("health", interval, timeout, told.number(MAX_ERRORS)),
    section("timeouts", told.number(PROXY_TIMEOUT)),
    section("routing", told.number(THRESHOLD)),
    ["requests:", "  unknown_paths: forward # as InfiniLM-SVC's router, which knows no wrong path"],
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return { text: `${text.join("\n\n")}\n`, mapped: told.mapped, notes: told.notes };
}

const HEAD = [
  "# What InfiniLM-SVC's router was told, as a configuration of infinilm-router. Behind each value stands where it",
  "# comes from; what is not here has this router's defaults, see config.example.yaml.",
];

function backendsIn(
  file: string,
  told: SvcTold,
  readTextFile: SvcSources["readTextFile"],
): string[] {
  const services = readSvcServices(file, readTextFile);
  if (services.length === 0 && told.text("--registry-url") === undefined) {
    throw new CliError(`${file} lists no services, and there is no --registry-url`, EXIT.config);
  }
  const { lines, notes } = svcBackends(services);
  told.became(`--static-services ${file}`, { key: "backends", value: `${services.length}` });
  told.notes.push(...notes);
  const title = `# --static-services ${yamlText(file)}`;
  if (services.length === 0) return [`backends: [] ${title}`];
  return [`backends: ${title}`, ...lines.map((line) => `  ${line}`)];
}

function discoveryAt(url: string, told: SvcTold): string[] {
  const read = parseBackendUrl(url);
  if ("refusal" in read) {
    const received = read.secret ? "" : `, received '${url}'`;
    throw new CliError(`--registry-url ${read.refusal}${received}`, EXIT.usage);
  }
  const key = "discovery[0].infinilm_registry.url";
  told.became(`--registry-url ${url}`, { key, value: url });
  return [
    "discovery:",
    "  - infinilm_registry:",
    `      url: ${yamlText(url)} # --registry-url`,
    ...[SYNC, GRACE].flatMap((setting) =>
      told.number(setting).lines.map((line) => `      ${line}`)
    ),
  ];
}

function withoutRegistry(told: SvcTold): string[] {
  const why = "has no effect without --registry-url, as there";
  return [SYNC, GRACE].flatMap((setting) => told.idle(setting, why));
}
