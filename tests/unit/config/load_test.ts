import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  ConfigError,
  ConfigUnreadable,
  loadConfig,
  type LoadOptions,
  parseConfig,
} from "../../../src/config/load.ts";

fc.configureGlobal({ seed: 20250601 });

const MINIMAL = "backends:\n  - url: http://127.0.0.1:8100\n";

const EXAMPLE = Deno.readTextFileSync(new URL("../../../config.example.yaml", import.meta.url));

function problemsOf(text: string, options: LoadOptions = {}): string[] {
  const error = assertThrows(() => parseConfig(text, "c.yaml", options), ConfigError);
  return error.message.split("\n");
}

Deno.test("config fills in every default around the smallest file", () => {
  assertEquals(parseConfig(MINIMAL, "c.yaml"), {
    listen: { host: "0.0.0.0", port: 8000, giveUpMs: 300_000 },
    backends: [{
      name: "127.0.0.1_8100",
      url: "http://127.0.0.1:8100",
      host: "127.0.0.1",
      port: 8100,
      basePath: "",
      models: undefined,
      weight: 1,
      maxInFlight: undefined,
      apiKey: undefined,
      engine: "auto",
      strict: false,
      streamUpstream: false,
      cacheType: undefined,
      maxContext: undefined,
      metadata: undefined,
      leaving: false,
    }],
    discovery: [],
    stateFile: undefined,
    watchConfig: false,
    routing: { policy: "least_load", sizeThreshold: null },
    health: {
      intervalMs: 30_000,
      timeoutMs: 5000,
      path: "/health",
      unhealthyAfter: 3,
      healthyAfter: 1,
      slowStartMs: 30_000,
      stallAfterMs: 60_000,
      breaker: { failures: 5, share: 0.5, baseMs: 10_000, maxMs: 300_000 },
    },
    timeouts: {
      headMs: 15_000,
      keepAliveMs: 75_000,
      connectMs: 2000,
      requestMs: 300_000,
      idleMs: 120_000,
      totalMs: null,
      clientStallMs: 120_000,
    },
    shutdown: { graceMs: 0, timeoutMs: 300_000 },
    stream: { keepAliveMs: null },
    queue: { size: 128, timeoutMs: 30_000 },
    retry: {
      attempts: 3,
      ambiguous: "once",
      poisonMemoryMs: 600_000,
      budget: 0.2,
      minPerSecond: 3,
    },
    limits: {
      maxBody: 33_554_432,
      maxEvent: 4_194_304,
      maxHeld: 1_073_741_824,
      maxRequests: 10_000,
      maxConnections: 4096,
    },
    requests: { validate: true, defaultModel: undefined, unknownPaths: "refuse" },
    upstreamCompression: "identity",
    cors: { origins: [] },
    errors: { format: "auto" },
    log: { level: "info", format: "text" },
  });
});

Deno.test("config resolves what is written in every key", () => {
  const config = parseConfig(
    `
listen: { host: "[::1]", port: 0, give_up: 1s }
backends:
  - { name: a, url: "http://[::1]:8100/gpu/v1", models: [m/1, m2], weight: 0, max_in_flight: 2 }
  - { name: b, url: "http://[::1]:8101", api_key: sk-1 }
routing: { policy: p2c }
health: { interval: 1s, timeout: 1s, path: "/ping?x=1", unhealthy_after: 2, healthy_after: 2 }
timeouts: { head: 1s, keep_alive: 2s, connect: 1ms, request: 1h, idle: 1.5s, total: 24h, client_stall: 3s }
stream: { keep_alive: 15s }
shutdown: { grace: 1s, timeout: 2m }
retry: { attempts: 1 }
limits: { max_body: 1GiB, max_event: 64MiB, max_held: 2GiB, max_requests: 7, max_connections: 8 }
requests: { validate: false }
errors: { format: openai }
log: { level: debug, format: json }
`,
    "c.yaml",
  );
  const [a, b] = config.backends;
  assertEquals(config.listen, { host: "::1", port: 0, giveUpMs: 1000 });
  assertEquals([a?.host, a?.port, a?.basePath, a?.weight], ["::1", 8100, "/gpu", 0]);
  assertEquals([a?.models, a?.maxInFlight, b?.apiKey], [["m/1", "m2"], 2, "sk-1"]);
  assertEquals(config.health.path, "/ping?x=1");
  assertEquals(config.timeouts, {
    headMs: 1000,
    keepAliveMs: 2000,
    connectMs: 1,
    requestMs: 3_600_000,
    idleMs: 1500,
    totalMs: 86_400_000,
    clientStallMs: 3000,
  });
  assertEquals(config.stream, { keepAliveMs: 15_000 });
  assertEquals(config.shutdown, { graceMs: 1000, timeoutMs: 120_000 });
  assertEquals(config.limits, {
    maxBody: 1_073_741_824,
    maxEvent: 67_108_864,
    maxHeld: 2_147_483_648,
    maxRequests: 7,
    maxConnections: 8,
  });
  assertEquals([config.requests.validate, config.log.format], [false, "json"]);
});

Deno.test("config rejects an unknown key and suggests the nearest one", () => {
  assertEquals(problemsOf(`${MINIMAL}    wieght: 1\n`), [
    "c.yaml:3:5: unknown key `wieght` in `backends[0]`, did you mean `weight`?",
  ]);
});

Deno.test("config errors carry path, place and message apart, in the order of the file", () => {
  const error = assertThrows(
    () => parseConfig(`retry: { attempts: 0 }\nlog: 5\n${MINIMAL}`, "dir/c.yaml"),
    ConfigError,
  );
  assertEquals(error.problems, [
    {
      path: "dir/c.yaml",
      line: 1,
      column: 20,
      message: "`retry.attempts` must be an integer from 1 to 10, received 0",
    },
    { path: "dir/c.yaml", line: 2, column: 6, message: "`log` must be a mapping, received 5" },
  ]);
});

Deno.test("config takes a section whose lines are all commented out as its defaults", () => {
  const config = parseConfig(`health:\n  # interval: 5s\nlog:\n${MINIMAL}`, "c.yaml");
  assertEquals(config.health.intervalMs, 30_000);
});

Deno.test("config takes an optional backend key without a value as left out", () => {
  const [backend] = parseConfig(
    `${MINIMAL}    name:\n    models:\n    max_in_flight: ~\n    api_key: ""\n`,
    "c.yaml",
  ).backends;
  assertEquals([backend?.name, backend?.models], ["127.0.0.1_8100", undefined]);
  assertEquals([backend?.maxInFlight, backend?.apiKey], [undefined, undefined]);
});

Deno.test("config reads an interpolated value as what its key wants", () => {
  const env = (name: string): string | undefined => name === "KEY" ? "007" : undefined;
  const config = parseConfig(
    'listen: { port: "${PORT:-8001}" }\n' +
      MINIMAL + "    api_key: ${KEY}\n    max_in_flight: ${MAX:-}\n    name: ${NAME:-}\n" +
      "requests:\n  validate: ${CHECK:-false}\ntimeouts:\n  total: ${TOTAL:-null}\n",
    "c.yaml",
    { env },
  );
  const [backend] = config.backends;
  assertEquals([config.listen.port, config.requests.validate], [8001, false]);
  assertEquals(config.timeouts.totalMs, null);
  assertEquals([backend?.apiKey, backend?.maxInFlight], ["007", undefined]);
  assertEquals(backend?.name, "127.0.0.1_8100");
});

Deno.test("config does not read a quoted number as a number unless it was interpolated", () => {
  assertEquals(problemsOf(`listen: { port: "8001" }\n${MINIMAL}`), [
    'c.yaml:1:17: `listen.port` must be an integer from 0 to 65535, received "8001"',
  ]);
});

Deno.test("config takes the relative path of an interpolated file from its own folder", () => {
  const asked: string[] = [];
  const readTextFile = (path: string): string => {
    asked.push(path);
    return "sk-1\n";
  };
  const text = MINIMAL + "    api_key: ${file:keys/one}\n    name: ${file:/abs}\n";
  assertEquals(parseConfig(text, "etc/c.yaml", { readTextFile }).backends[0]?.apiKey, "sk-1");
  assertEquals(asked, ["etc/keys/one", "/abs"]);
});

Deno.test("config never shows a password, a key or the content of a file", () => {
  const options = { env: () => "hunter2\n", readTextFile: () => "hunter2 \u0001" };
  const text = `
backends:
  - { url: "http://root:hunter2@a", api_key: "hunter2 " }
  - { url: "http://a/?k=hunter2", api_key: { hunter2: 1 } }
  - { url: "hunter2@", api_key: "\${KEY}", name: "\${file:/hunter}" }
  - { url: "http://b", api_key: "\${file:/hunter}", weight: "\${file:/hunter}" }
`;
  const message = problemsOf(text, options).join("\n");
  assertStringIncludes(message, "`backends[3].api_key`");
  assert(!message.includes("hunter2"), message);
});

Deno.test("config lets the flags of the command line go before the file", () => {
  const overrides = { host: "[::1]", port: 9000, logLevel: "debug", logFormat: "json" };
  const config = parseConfig(`listen: { port: 1 }\n${MINIMAL}`, "c.yaml", { overrides });
  assertEquals(config.listen, { host: "::1", port: 9000, giveUpMs: 300_000 });
  assertEquals(config.log, { level: "debug", format: "json" });
});

Deno.test("config names the flag whose value is not right, beside the problems of the file", () => {
  const overrides = { host: "a b", port: 70_000, logLevel: "wran", logFormat: "xml" };
  assertEquals(problemsOf(`${MINIMAL}    weight: a\n`, { overrides }), [
    '--host: must be an IP address or a host name, received "a b"',
    "--port: must be an integer from 0 to 65535, received 70000",
    '--log-level: must be one of debug, info, warn, error, received "wran", did you mean `warn`?',
    '--log-format: must be one of text, json, received "xml"',
    'c.yaml:3:13: `backends[0].weight` must be an integer from 0 to 1000, received "a"',
  ]);
});

Deno.test("config tells at once and in order whatever is wrong, duplicates and meaning alike", () => {
  assertEquals(problemsOf(`${MINIMAL}    weight: a\nlog: {}\nlog: { level: loud }\n`), [
    'c.yaml:3:13: `backends[0].weight` must be an integer from 0 to 1000, received "a"',
    "c.yaml:5:1: duplicate key `log`",
    'c.yaml:5:15: `log.level` must be one of debug, info, warn, error, received "loud"',
  ]);
});

Deno.test("config lets an anchor be used two hundred times", () => {
  const more = Array.from({ length: 200 }, (_, i) => `  - { url: "http://n${i}", models: *m }\n`);
  const text = `backends:\n  - { url: "http://n", models: &m [a, b] }\n${more.join("")}`;
  assertEquals(parseConfig(text, "c.yaml").backends.at(-1)?.models, ["a", "b"]);
});

Deno.test("config refuses more aliases than a YAML reader gets through in little time", () => {
  assertEquals(problemsOf(`a: &a 1\nb: [${"*a, ".repeat(100_000)}]\n`), [
    "c.yaml:1:1: too much for a config file: at most 2000 aliases",
  ]);
});

Deno.test("config refuses an anchor that contains itself", () => {
  const [problem, ...others] = problemsOf(`${MINIMAL}    models: &a [*a]\n`);
  assertEquals(others, []);
  assertStringIncludes(problem ?? "", "c.yaml:");
});

Deno.test("config refuses a file that is nested without end or larger than 1MiB", () => {
  assertEquals(problemsOf(`backends: ${"[".repeat(50_000)}`), [
    "c.yaml:1:1: too much for a config file: at most 100 brackets open at a time",
  ]);
  assertEquals(problemsOf("- ".repeat(20_000)).length, 1);
  assertEquals(problemsOf("#".repeat(1024 * 1024 + 1)), [
    "c.yaml:1:1: the file is larger than 1MiB: is it a config file?",
  ]);
});

Deno.test("config does not take a slash in the listen host, nor a port", () => {
  for (const host of ["a/b", "1.2.3.4:80", "[::1]:80", "[a]", "[::1", ":", "a b", "ü"]) {
    const [problem] = problemsOf(`listen: { host: "${host}" }\n${MINIMAL}`);
    assertStringIncludes(problem ?? "", "`listen.host` must be an IP address or a host name");
  }
  for (const host of ["::", "::1", "fe80::1%eth0", "localhost", "node_7"]) {
    assertEquals(parseConfig(`listen: { host: "${host}" }\n${MINIMAL}`, "c").listen.host, host);
  }
});

Deno.test("loadConfig reads a real file", () => {
  const path = new URL("../../../config.example.yaml", import.meta.url).pathname;
  assertEquals(loadConfig(path, { env: () => undefined }).backends.length, 2);
});

Deno.test("loadConfig tells in plain words why a file cannot be read", () => {
  const folder = new URL(".", import.meta.url).pathname;
  const denied = (): string => {
    throw new Deno.errors.PermissionDenied();
  };
  assertEquals(
    assertThrows(() => loadConfig(`${folder}none.yaml`), ConfigUnreadable).message,
    `cannot read ${folder}none.yaml: there is no such file`,
  );
  assertThrows(() => loadConfig(folder), ConfigUnreadable, "it is a directory");
  assertEquals(
    assertThrows(() => loadConfig("c.yaml", { readTextFile: denied }), ConfigUnreadable).message,
    "cannot read c.yaml: no permission to read it",
  );
});

Deno.test("parseConfig throws nothing but ConfigError, whatever the text", () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), yamlish());
  fc.assert(fc.property(text, (text) => void only(text)));
});

Deno.test("parseConfig throws nothing but ConfigError, however the example is damaged", () => {
  const damage = fc.record({
    at: fc.nat({ max: EXAMPLE.length }),
    cut: fc.nat({ max: 20 }),
    put: fc.oneof(yamlish(), fc.string({ maxLength: 5 })),
  });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
      only(damages.reduce(
        (text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut),
        EXAMPLE,
      ));
    }),
    { numRuns: 200 },
  );
});

Deno.test("parseConfig places every problem inside the text", () => {
  fc.assert(fc.property(fc.nat({ max: EXAMPLE.length }), yamlish(), (at, put) => {
    const text = EXAMPLE.slice(0, at) + put + EXAMPLE.slice(at);
    const lines = text.split("\n");
    for (const { line, column } of only(text)?.problems ?? []) {
      assert(line >= 1 && line <= lines.length, `line ${line}`);
      assert(column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1, `column ${column}`);
    }
  }));
});

/** Pieces that mean something to a YAML reader or to interpolation. */
function yamlish(): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    ...["\n", "  ", "- ", ": ", "{", "}", "[", "]", ",", "&a ", "*a", "!!int ", "? ", "| ", "'"],
    ...[
      '"',
      "#",
      "---\n",
      "\t",
      "<<: ",
      "${",
      "${A}",
      "$${",
      "null",
      "~",
      "0x1",
      "-1",
      "%YAML 1.1\n",
    ],
    ...["backends", "url", "listen", "__proto__", "true", "1e999", ".nan", "\r\n", "\uFEFF"],
  );
  return fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
}

function only(text: string): ConfigError | undefined {
  try {
    parseConfig(text, "c.yaml", { env: () => undefined, readTextFile: () => "" });
  } catch (error) {
    if (error instanceof ConfigError) {
      assert(error.problems.length > 0);
      return error;
    }
    throw error;
  }
}
