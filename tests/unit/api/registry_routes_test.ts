import { assert, assertEquals, assertMatch } from "@std/assert";
import { createRegistryRoutes } from "../../../src/api/registry_routes.ts";
import { AddressList } from "../../../src/discovery/address_list.ts";
import type { Entry } from "../../../src/discovery/book_entry.ts";
import { TestBook, WALL_BEGAN } from "../discovery/book_support.ts";

const OWNER = "10.0.0.5";
const STRANGER = "10.0.0.66";
const NOW = "2026-01-01T00:00:00Z";

/** What a babysitter tells of its engine. */
const ENGINE = {
  name: "qwen-server",
  host: OWNER,
  hostname: OWNER,
  port: 8100,
  url: `http://${OWNER}:8100`,
  status: "running",
  metadata: {
    type: "openai-api",
    parent_service: "qwen",
    babysitter: "enhanced",
    models: ["Qwen3-32B"],
    models_list: [{ id: "Qwen3-32B", object: "model" }],
    cache_type: "paged",
  },
};

interface Asked {
  body?: unknown;
  client?: string;
  headers?: Record<string, string>;
}

/** A registry whose probes find what the test says. */
class TestRegistry {
  readonly book = new TestBook();
  readonly lines: string[] = [];
  health: "healthy" | "unhealthy" = "healthy";
  readonly #handle = createRegistryRoutes({
    book: this.book,
    prober: {
      ask: async (entry: Entry) =>
        this.book.probed(entry, this.health, { heard: this.health === "healthy" }),
    },
    allow: new AddressList([]),
    resolve: () => Promise.reject(new Error("no such name")),
    log: {
      error: (message, fields) => void this.lines.push(`${message}: ${fields?.["error"]}`),
      warn: (message, fields) => void this.lines.push(`${message}: ${fields?.["client"]}`),
    },
    now: () => this.book.clock.ms,
    wallNow: () => WALL_BEGAN + this.book.clock.ms,
  });

  /** Asks, and returns the status and the body: parsed, or undefined if there is none. */
  async ask(what: string, { body, client = OWNER, headers = {} }: Asked = {}): Promise<Answered> {
    const response = await this.send(what, { body, client, headers });
    const text = await response.text();
    return [response.status, text === "" ? undefined : JSON.parse(text)];
  }

  send(what: string, { body, client = OWNER, headers = {} }: Asked = {}): Promise<Response> {
    const [method = "", path = ""] = what.split(" ");
    const type: Record<string, string> = body === undefined
      ? {}
      : { "content-type": "application/json" };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const request = new Request(`http://registry${path}`, {
      method,
      headers: { host: "registry", ...type, ...headers },
      ...(body === undefined ? {} : { body: text }),
    });
    return this.#handle(request, client);
  }
}

// deno-lint-ignore no-explicit-any -- what came, to be looked into
type Answered = [status: number, body: any];

const SHOWN = {
  ...ENGINE,
  timestamp: "2026-01-01T00:00:00.000Z",
  last_heartbeat: WALL_BEGAN / 1000,
  health_status: "unknown",
  is_healthy: true,
};

Deno.test("each call of InfiniLM-SVC's registry is answered as there", async () => {
  const registry = new TestRegistry();
  const { ask } = registry;
  const asks = (what: string, asked?: Asked): Promise<Answered> => ask.call(registry, what, asked);
  assertEquals(await asks("GET /health"), [200, {
    status: "healthy",
    registry: "running",
    registered_services: 0,
    healthy_services: 0,
    timestamp: NOW,
  }]);
  assertEquals(await asks("POST /services", { body: ENGINE }), [201, {
    message: "Service 'qwen-server' registered successfully",
    service: SHOWN,
  }]);
  assertEquals(await asks("GET /services/qwen-server"), [200, SHOWN]);
  assertEquals(await asks("GET /services"), [200, {
    services: [SHOWN],
    total: 1,
    timestamp: NOW,
  }]);
  registry.book.clock.ms = 130_000;
  const later = "2026-01-01T00:02:10Z";
  assertEquals(await asks("POST /services/qwen-server/heartbeat"), [200, {
    message: "Heartbeat received",
    timestamp: later,
  }]);
  const change = { status: "stopping", metadata: { type: "openai-api" }, port: null };
  const changed = {
    ...SHOWN,
    ...change,
    port: 8100,
    last_heartbeat: WALL_BEGAN / 1000 + 130,
    is_healthy: false,
  };
  assertEquals(await asks("PUT /services/qwen-server", { body: change }), [200, {
    message: "Service 'qwen-server' updated successfully",
    service: changed,
  }]);
  assertEquals(
    await asks("POST /services/qwen-server/heartbeat", { body: { status: "running" } }),
    [
      200,
      { message: "Heartbeat received", timestamp: later },
    ],
  );
  assertEquals(await asks("GET /services/qwen-server/health"), [200, {
    service: "qwen-server",
    health_status: "healthy",
    is_healthy: true,
    last_heartbeat: WALL_BEGAN / 1000 + 130,
    timestamp: later,
  }]);
  assertEquals(await asks("GET /stats"), [200, {
    total_services: 1,
    healthy_services: 1,
    unhealthy_services: 0,
    status_distribution: { running: 1 },
    host_distribution: { [OWNER]: 1 },
    uptime: 130,
    timestamp: later,
  }]);
  assertEquals(await asks("DELETE /services/qwen-server"), [200, {
    message: "Service 'qwen-server' unregistered successfully",
  }]);
});

Deno.test("a service that was never seen is 404 without a body, whatever is asked of it", async () => {
  const registry = new TestRegistry();
  const calls = [
    ["GET /services/x"],
    ["PUT /services/x", { status: "running" }],
    ["DELETE /services/x"],
    ["GET /services/x/health"],
    ["POST /services/x/heartbeat"],
  ] as const;
  for (const [what, body] of calls) {
    assertEquals(await registry.ask(what, { body }), [404, undefined], what);
  }
  assertEquals(registry.lines, ["a service was refused: 10.0.0.5"]);
});

Deno.test("services are chosen by status and by health", async () => {
  const registry = new TestRegistry();
  registry.book.add("silent");
  registry.book.clock.ms = 130_000;
  registry.book.add("stopped", { status: "stopped" });
  registry.book.add("well");
  const names = async (query: string): Promise<string> => {
    const [, { services, total }] = await registry.ask(`GET /services${query}`);
    assertEquals(total, services.length);
    return services.map(({ name }: { name: string }) => name).join(" ");
  };
  const cases = {
    "": "silent stopped well",
    "?status=running": "silent well",
    "?status=stopped": "stopped",
    "?status=": "",
    "?healthy=true": "well",
    "?healthy=TRUE": "well",
    "?healthy=false": "silent stopped",
    "?healthy=": "silent stopped",
    "?status=running&healthy=true": "well",
    "?other=1": "silent stopped well",
  };
  for (const [query, wanted] of Object.entries(cases)) {
    assertEquals(await names(query), wanted, query);
  }
});

Deno.test("a name is percent-encoded in the path", async () => {
  const registry = new TestRegistry();
  for (const name of ["引擎", "a/b", "a b", "a?b"]) {
    registry.book.add(name);
    assertEquals((await registry.ask(`GET /services/${encodeURIComponent(name)}`))[1].name, name);
  }
  assertEquals((await registry.ask("GET /services/%ff"))[0], 400);
});

Deno.test("a heartbeat is not refused for what its body is", async () => {
  const registry = new TestRegistry();
  registry.book.add("a");
  for (const body of ["", "{", "null", "[]", '{"status":1}', "7", '"x"']) {
    assertEquals((await registry.ask("POST /services/a/heartbeat", { body }))[0], 200, body);
  }
  assertEquals(registry.book.get("a")?.status, "running");
});

const REFUSED: readonly (readonly [
  what: string,
  asked: Asked,
  status: number,
  error: RegExp,
])[] = [
  ["POST /services", { body: "{" }, 400, /JSON/],
  ["POST /services", { body: "" }, 400, /JSON/],
  ["POST /services", { body: [] }, 400, /JSON object/],
  ["POST /services", { body: { ...ENGINE, port: "8100" } }, 400, /^port must be an integer/],
  ["POST /services", { body: `${"[".repeat(65)}${"]".repeat(65)}` }, 400, /64 levels/],
  ["POST /services", { body: { ...ENGINE, host: "8.8.8.8" } }, 403, /8\.8\.8\.8/],
  ["POST /services", { body: { ...ENGINE, host: "engine.lan" } }, 403, /engine\.lan/],
  ["POST /services", { body: ENGINE, client: STRANGER }, 403, /another address/],
  ["PUT /services/qwen-server", { body: {}, client: STRANGER }, 403, /another address/],
  ["PUT /services/qwen-server", { body: { host: "8.8.8.8" } }, 403, /8\.8\.8\.8/],
  ["DELETE /services/qwen-server", { client: STRANGER }, 403, /another address/],
  [
    "POST /services/qwen-server/heartbeat",
    { body: { status: "stopped" }, client: STRANGER },
    403,
    /another address/,
  ],
  ["POST /services", { body: "x".repeat(65_537) }, 413, /at most 65536 bytes/],
  ["POST /services/qwen-server/heartbeat", { body: "x".repeat(65_537) }, 413, /65536/],
  ["POST /services", { body: ENGINE, headers: { "content-type": "text/plain" } }, 415, /json/],
  ["POST /services", { body: ENGINE, headers: { "content-encoding": "gzip" } }, 415, /compressed/],
  ["POST /services", { body: ENGINE, headers: { origin: "http://x" } }, 400, /browsers/],
  ["DELETE /services/qwen-server", { headers: { origin: "null" } }, 400, /browsers/],
  ["GET /", {}, 404, /no such path: \//],
  ["GET /services/", {}, 404, /no such path/],
  ["GET /v1/services", {}, 404, /no such path/],
  ["GET /services/a/b", {}, 404, /no such path/],
  ["PATCH /services/qwen-server", {}, 405, /GET, HEAD, PUT, DELETE/],
  ["DELETE /services", {}, 405, /GET, HEAD, POST/],
  ["POST /health", {}, 405, /GET, HEAD/],
  ["OPTIONS /services", {}, 405, /GET, HEAD, POST/],
  ["GET /health", { headers: { host: "a b" } }, 400, /Host/],
  ["GET /health", { headers: { "transfer-encoding": "gzip" } }, 501, /transfer-encoding/],
  [
    "POST /services",
    { body: ENGINE, headers: { "transfer-encoding": "chunked", "content-length": "5" } },
    400,
    /exclude each other/,
  ],
];

Deno.test("what is refused is told why, and nothing has changed", async () => {
  const registry = new TestRegistry();
  await registry.ask("POST /services", { body: ENGINE });
  for (const [what, asked, status, error] of REFUSED) {
    const [got, body] = await registry.ask(what, asked);
    assertEquals([what, got, Object.keys(body)], [what, status, ["error"]]);
    assertMatch(body.error, error);
  }
  assertEquals(await registry.ask("GET /services/qwen-server"), [200, SHOWN]);
});

Deno.test("a full registry is 503", async () => {
  const registry = new TestRegistry();
  for (let i = 0; i < 1000; i++) registry.book.add(`s${i}`);
  const [status, { error }] = await registry.ask("POST /services", { body: ENGINE });
  assertEquals(status, 503);
  assertMatch(error, /1000 services/);
});

Deno.test("HEAD is GET without the body, and a method that is not there is told with those that are", async () => {
  const registry = new TestRegistry();
  const head = await registry.send("HEAD /services");
  assertEquals([head.status, head.headers.get("content-type"), head.body], [
    200,
    "application/json",
    null,
  ]);
  const wrong = await registry.send("DELETE /services");
  assertEquals(wrong.headers.get("allow"), "GET, HEAD, POST");
});

Deno.test("the same refusal is one line a minute, and a defect is for the log alone", async () => {
  const registry = new TestRegistry();
  const far = { ...ENGINE, host: "8.8.8.8" };
  const refused = (): Promise<Answered> => registry.ask("POST /services", { body: far });
  await refused();
  await refused();
  await registry.ask("POST /services", { body: far, client: STRANGER });
  assertEquals(
    registry.lines.splice(0),
    [OWNER, STRANGER].map((of) => `a service was refused: ${of}`),
  );
  registry.book.clock.ms = 60_000;
  await refused();
  assertEquals(registry.lines.splice(0).length, 1);
  registry.book.list = () => {
    throw new TypeError("secret");
  };
  const [status, { error }] = await registry.ask("GET /services");
  assertEquals([status, registry.lines], [500, ["internal error: TypeError: secret"]]);
  assert(!error.includes("secret"));
});
