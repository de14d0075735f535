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

const STATES: [healthy: boolean[], status: string, services: string, code: number][] = [
  [[true, true], "healthy", "2/2", 200],
  [[true, false], "degraded", "1/2", 200],
  [[false, false], "unhealthy", "0/2", 503],
];

for (const [healthy, status, services, code] of STATES) {
  Deno.test(`/health is ${status} with ${services}`, async () => {
    const response = healthResponse(registryOf(...healthy), NOON);
    assertEquals(response.status, code);
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(await response.json(), {
      status,
      router: "running",
      healthy_services: services,
      timestamp: "2024-01-15T10:30:00Z",
    });
  });
}

Deno.test("/livez is 200 whatever the backends do", () => {
  assertEquals(livezResponse().status, 200);
});

Deno.test("/readyz is 200 if a backend is healthy and the router is not leaving", async () => {
  for (
    const [healthy, draining, code, status] of [
      [[false, true], false, 200, "ready"],
      [[false, false], false, 503, "no healthy backend"],
      [[true], true, 503, "draining"],
    ] as const
  ) {
    const response = readyzResponse(registryOf(...healthy), draining);
    assertEquals([response.status, await response.json()], [code, { status }]);
  }
});
