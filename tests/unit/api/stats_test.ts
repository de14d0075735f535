import { assertEquals } from "@std/assert";
import { servicesResponse } from "../../../src/api/services.ts";
import { statsResponse } from "../../../src/api/stats.ts";
import { Registry } from "../../../src/registry/registry.ts";
import type { Lease } from "../../../src/registry/lease.ts";
import { keysOf, newBackend, policyOf } from "../../contract/backends.ts";

function registry(): Registry {
  const sick = newBackend("sick", {
    models: undefined,
    weight: 3,
    maxInFlight: 8,
    apiKey: "secret",
  });
  sick.gate.healthy = false;
  let now = 0;
  const registry = new Registry(() => now);
  registry.apply([newBackend("well"), sick]);
  const policy = policyOf(([first]) => first!);
  const lease = registry.acquire(keysOf("m"), { policy }) as Lease;
  registry.acquire(keysOf("m"), { policy });
  now = 1234.5678;
  lease.settle({ kind: "completed", status: 500 });
  return registry;
}

Deno.test("/stats tells what was counted about every backend", async () => {
  assertEquals(await statsResponse(registry()).json(), {
    total_services: 2,
    healthy_services: 1,
    services: [
      {
        name: "well",
        healthy: true,
        request_count: 2,
        error_count: 1,
        response_time: 1.234568,
        in_flight: 1,
      },
      {
        name: "sick",
        healthy: false,
        request_count: 0,
        error_count: 0,
        response_time: 0,
        in_flight: 0,
      },
    ],
  });
});

Deno.test("/services tells every backend, what it serves, how it is and since when, and no key", async () => {
  const text = await servicesResponse(registry(), []).text();
  assertEquals(text.includes("secret"), false);
  assertEquals(JSON.parse(text), {
    services: [
      {
        name: "well",
        url: "http://well:8000",
        healthy: true,
        models: ["m"],
        engine: "openai",
        weight: 1,
        in_flight: 1,
        max_in_flight: null,
        reason: null,
        since: "1970-01-01T00:00:00Z",
      },
      {
        name: "sick",
        url: "http://sick:8000",
        healthy: false,
        models: [],
        engine: "openai",
        weight: 3,
        in_flight: 0,
        max_in_flight: 8,
        reason: "sick",
        since: "1970-01-01T00:00:00Z",
      },
    ],
    total: 2,
    sources: [],
  });
});
