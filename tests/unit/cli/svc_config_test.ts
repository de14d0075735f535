import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { ParsedArgs } from "../../../src/cli/args.ts";
import { CliError } from "../../../src/cli/exit.ts";
import { type SvcConfig, svcConfig } from "../../../src/cli/svc_config.ts";
import { SVC_FLAGS } from "../../../src/cli/svc_flags.ts";
import type { Config } from "../../../src/config/config.ts";
import { parseConfig } from "../../../src/config/load.ts";

const GOLDEN = new URL("../../golden/migrate/", import.meta.url);
const SERVICES = Deno.readTextFileSync(new URL("services.json", GOLDEN));

type Given = Record<string, string>;

function argsOf(flags: Given): ParsedArgs {
  const unknown = Object.keys(flags).filter((name) => SVC_FLAGS[name] === undefined);
  assertEquals(unknown, []);
  return { values: flags, positionals: [] };
}

function translate(
  flags: Given,
  { env = {}, file = SERVICES }: { env?: Given; file?: string } = {},
): SvcConfig {
  return svcConfig(argsOf(flags), { env: (name) => env[name], readTextFile: () => file });
}

function configOf(flags: Given, env: Given = {}): Config {
  return parseConfig(translate(flags, { env }).text, "migrated.yaml", { env: () => undefined });
}

const REGISTRY: Given = { "registry-url": "http://10.0.0.1:18000" };

const EVERYTHING: Given = {
  ...REGISTRY,
  "static-services": "deployment/services.json",
  "router-port": "8000",
  "health-interval": "15",
  "health-timeout": "4",
  "max-errors": "2",
  "registry-sync-interval": "20",
  "service-removal-grace-period": "120",
};

const GOLDENS: readonly (readonly [name: string, flags: Given, env: Given])[] = [
  ["registry", REGISTRY, {}],
  ["everything", EVERYTHING, {
    PROXY_TIMEOUT_SECONDS: "600",
    CACHE_TYPE_ROUTING_THRESHOLD: "10000",
  }],
  ["out_of_bounds", {
    "static-services": "services.json",
    "health-interval": "2",
    "max-errors": "0",
    "registry-sync-interval": "5",
  }, { PROXY_TIMEOUT_SECONDS: "1000000", CACHE_TYPE_ROUTING_THRESHOLD: "0" }],
];

for (const [name, flags, env] of GOLDENS) {
  Deno.test(`migrate writes ${name}.yaml, and that is a valid configuration`, () => {
    const { text } = translate(flags, { env });
    assertEquals(text, Deno.readTextFileSync(new URL(`${name}.yaml`, GOLDEN)));
    parseConfig(text, name, { env: () => undefined });
  });
}

Deno.test("each flag and variable of InfiniLM-SVC's router is a key of ours", () => {
  const config = configOf(EVERYTHING, {
    PROXY_TIMEOUT_SECONDS: "600",
    CACHE_TYPE_ROUTING_THRESHOLD: "10000",
  });
  assertEquals(config.listen.port, 8000);
  assertEquals(config.health, {
    intervalMs: 15_000,
    timeoutMs: 4000,
    path: "/health",
    unhealthyAfter: 2,
    healthyAfter: 1,
    slowStartMs: 30_000,
    stallAfterMs: 60_000,
    breaker: { failures: 5, share: 0.5, baseMs: 10_000, maxMs: 300_000 },
  });
  assertEquals([config.timeouts.requestMs, config.routing.sizeThreshold], [600_000, 10_000]);
  assertEquals(config.discovery, [{
    kind: "infinilm_registry",
    url: "http://10.0.0.1:18000",
    host: "10.0.0.1",
    port: 18000,
    basePath: "",
    intervalMs: 20_000,
    removalGraceMs: 120_000,
  }]);
  const [backend] = config.backends;
  assertEquals([backend?.name, backend?.url, backend?.weight, backend?.models], [
    "infinilm-backup1",
    "http://192.168.1.12:5001",
    2,
    ["Qwen3-32B", "九格"],
  ]);
  assertEquals([backend?.cacheType, backend?.maxContext], ["static", 131072]);
});

Deno.test("what is not given has InfiniLM-SVC's defaults, where they are others than ours too", () => {
  const config = configOf(REGISTRY);
  assertEquals([config.listen.host, config.listen.port], ["0.0.0.0", 8080]);
  const { intervalMs, timeoutMs, unhealthyAfter } = config.health;
  assertEquals([intervalMs, timeoutMs, unhealthyAfter], [30_000, 5000, 3]);
  assertEquals([config.timeouts.requestMs, config.routing.sizeThreshold], [1_800_000, 51_200]);
  assertEquals(config.requests.unknownPaths, "forward");
  const [source] = config.discovery;
  assertEquals(source?.kind === "infinilm_registry" && source.intervalMs, 10_000);
  assertEquals(source?.removalGraceMs, 60_000);
});

Deno.test("an empty variable is none", () => {
  const env = { PROXY_TIMEOUT_SECONDS: "", CACHE_TYPE_ROUTING_THRESHOLD: "" };
  assertEquals(configOf(REGISTRY, env), configOf(REGISTRY));
});

Deno.test("what was given is told with its key, defaults are not", () => {
  const { mapped, notes } = translate({ ...REGISTRY, "health-interval": "7" }, {
    env: { PROXY_TIMEOUT_SECONDS: "60" },
  });
  assertEquals(mapped, [
    {
      given: "--registry-url http://10.0.0.1:18000",
      key: "discovery[0].infinilm_registry.url",
      value: "http://10.0.0.1:18000",
    },
    { given: "--health-interval 7", key: "health.interval", value: "7s" },
    { given: "PROXY_TIMEOUT_SECONDS 60", key: "timeouts.request", value: "60s" },
  ]);
  assertEquals(notes, []);
});

Deno.test("what means something else here is told", () => {
  const [, flags, env] = GOLDENS[2]!;
  assertEquals(translate(flags, { env }).notes, [
    'service "机 one" is called __one here',
    'service left out: "moved" at http://192.168.1.13:5003: a later service has its name',
    'service left out: "again" at http://192.168.1.12:5001: "infinilm-backup1" has its address',
    "--registry-sync-interval: has no effect without --registry-url, as there",
    "--health-timeout: 5s there, at most 2s here",
    "--max-errors: 0 there, at least 1 here",
    "PROXY_TIMEOUT_SECONDS: 1000000s there, at most 86400s here",
    "CACHE_TYPE_ROUTING_THRESHOLD: 0B there, at least 1B here",
  ]);
});

const WRONG: readonly (readonly [flags: Given, code: number, says: string, env?: Given])[] = [
  [{ "router-port": "8080" }, 64, "--registry-url or --static-services is needed"],
  [{ ...REGISTRY, "router-port": "65536" }, 64, "--router-port must be an integer from 0 to 65535"],
  [{ ...REGISTRY, "health-interval": "30s" }, 64, "--health-interval must be an integer"],
  [{ ...REGISTRY, "health-timeout": "-1" }, 64, "--health-timeout must be an integer"],
  [{ ...REGISTRY, "max-errors": "1.5" }, 64, "--max-errors must be an integer"],
  [
    { ...REGISTRY, "registry-sync-interval": "" },
    64,
    "--registry-sync-interval must be an integer",
  ],
  [{ "static-services": "s", "service-removal-grace-period": "x" }, 64, "received 'x'"],
  [{ "registry-url": "https://r:1" }, 64, "--registry-url must be http://"],
  [{ "registry-url": "" }, 64, "--registry-url must be a URL such as"],
  [{ "registry-url": "http://a:hunter2@r:1" }, 64, "--registry-url must not hold user:password@"],
  [REGISTRY, 64, "PROXY_TIMEOUT_SECONDS must be an integer", { PROXY_TIMEOUT_SECONDS: "5m" }],
  [REGISTRY, 64, "CACHE_TYPE_ROUTING_THRESHOLD must", { CACHE_TYPE_ROUTING_THRESHOLD: "50KB" }],
];

for (const [flags, code, says, env] of WRONG) {
  const what = Object.entries({ ...flags, ...env }).map((given) => given.join(" ")).join(", ");
  Deno.test(`${what} is refused with ${code}`, () => {
    const error = assertThrows(() => translate(flags, { env: env ?? {} }), CliError);
    assertEquals(error.exitCode, code);
    assertStringIncludes(error.message, says);
    assertEquals(error.message.includes("hunter2"), false);
  });
}

Deno.test("a file without services will do with a registry, and not without", () => {
  const flags = { "static-services": "services.json" };
  const { text } = translate({ ...REGISTRY, ...flags }, { file: "[]" });
  assertEquals(parseConfig(text, "migrated.yaml").backends, []);
  const error = assertThrows(() => translate(flags, { file: "[]" }), CliError);
  assertEquals([error.exitCode, error.message], [
    78,
    "services.json lists no services, and there is no --registry-url",
  ]);
});
