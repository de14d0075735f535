import { assertEquals } from "@std/assert";
import { healthResponse, livezResponse, readyzResponse } from "../../../src/api/health.ts";
import { Registry } from "../../../src/registry/registry.ts";
import { newBackend } from "../../contract/backends.ts";

function registryOf(...healthy: boolean[]): Registry {
  const registry = new Registry();
  registry.apply(healthy.map((well, index) => {
    const backend = newBackend(`b${index}`);
    backend.gate.healthy = well;
    return backend;
  }));
  return registry;
}

const NOON = Date.UTC(2024, 0, 15, 10, 30, 0, 987);

const NONE = "No healthy services available";
const STATES: [
  healthy: boolean[],
  status: string,
  services: string,
  code: number,
  message: string | null,
][] = [
  [[true, true], "healthy", "2/2", 200, null],
  [[true, false], "degraded", "1/2", 200, null],
  [[false, false], "unhealthy", "0/2", 503, NONE],
  [[], "unhealthy", "0/0", 503, NONE],
];

for (const [healthy, status, services, code, message] of STATES) {
  Deno.test(`/health is ${status} with ${services}`, async () => {
    const response = healthResponse(registryOf(...healthy), {
      wallNow: NOON,
      registryUrl: "http://registry:18000",
    });
    assertEquals(response.status, code);
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(await response.json(), {
      status,
      router: "running",
      healthy_services: services,
      registry_url: "http://registry:18000",
      message,
      timestamp: "2024-01-15T10:30:00Z",
    });
  });
}

Deno.test("/health says that the configuration in force is not the one last asked for, and why", async () => {
  const context = { wallNow: NOON, registryUrl: undefined, stale: "c.yaml:1:1: wrong" };
  const { config, config_error } = await healthResponse(registryOf(true), context).json();
  assertEquals([config, config_error], ["stale", "c.yaml:1:1: wrong"]);
});

Deno.test("/livez is 200 whatever the backends do", () => {
  assertEquals(livezResponse().status, 200);
});

interface State {
  healthy?: boolean;
  weight?: number;
  models?: readonly string[] | undefined;
  maxInFlight?: number;
  drain?: boolean;
}

const READINESS: readonly (readonly [what: string, states: State[], status: string])[] = [
  ["with a healthy backend among others", [{ healthy: false }, {}], "ready"],
  ["with a backend that is full", [{ maxInFlight: 0 }], "ready"],
  ["with one that may take calls beside one that may not", [{ weight: 0 }, {}], "ready"],
  ["with models of one backend", [{ models: undefined }, {}], "ready"],
  ["without backends", [], "no healthy backend"],
  ["with none healthy", [{ healthy: false }, { healthy: false }], "no healthy backend"],
  [
    "with weight 0 on all that are healthy",
    [{ weight: 0 }, { healthy: false }],
    "every healthy backend has weight 0",
  ],
  ["with a drained backend beside one that is not", [{ drain: true }, {}], "ready"],
  [
    "with all that are healthy drained or of weight 0",
    [{ drain: true }, { weight: 0 }],
    "every healthy backend is drained or has weight 0",
  ],
  ["before any model is known", [{ models: undefined }], "no models known yet"],
  ["with an empty list of models", [{ models: [] }], "no models known yet"],
  [
    "with models only where no call may go",
    [{ models: undefined }, { weight: 0 }, { healthy: false }],
    "no models known yet",
  ],
];

function registryIn(states: readonly State[]): Registry {
  const registry = new Registry();
  registry.apply(states.map(({ healthy = true, drain = false, ...spec }, index) => {
    const backend = newBackend(`b${index}`, spec);
    backend.gate.healthy = healthy;
    backend.tell({ drain });
    return backend;
  }));
  return registry;
}

for (const [what, states, status] of READINESS) {
  Deno.test(`/readyz ${what} says: ${status}`, async () => {
    const response = readyzResponse(registryIn(states), false);
    assertEquals([response.status, await response.json()], [
      status === "ready" ? 200 : 503,
      { status },
    ]);
  });
}

Deno.test("/readyz of a router that is leaving is 503, whatever its backends are", async () => {
  for (const states of [[{}], []]) {
    const response = readyzResponse(registryIn(states), true);
    assertEquals([response.status, await response.json()], [503, { status: "draining" }]);
  }
});
