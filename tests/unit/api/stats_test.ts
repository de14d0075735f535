import { assertEquals } from "@std/assert";
import { serviceInfo } from "../../../src/api/service_info.ts";
import { servicesResponse } from "../../../src/api/services.ts";
import { statsResponse } from "../../../src/api/stats.ts";
import { Backend } from "../../../src/registry/backend.ts";
import { Registry } from "../../../src/registry/registry.ts";
import type { Lease } from "../../../src/registry/lease.ts";
import { keysOf, newBackend, newSpec, policyOf, TestGate } from "../../contract/backends.ts";

function registry(): Registry {
  const sick = newBackend("sick", {
    url: "http://[::1]:65535",
    host: "::1",
    port: 65535,
    models: undefined,
    weight: 3,
    maxInFlight: 8,
    apiKey: "secret",
  });
  sick.gate.healthy = false;
  let now = 0;
  const registry = new Registry(() => now);
  const metadata = { type: "openai-api", rack: 7 };
  registry.apply([newBackend("well", { metadata }), sick]);
  const policy = policyOf(([first]) => first!);
  const lease = registry.acquire(keysOf("m"), { policy }) as Lease;
  registry.acquire(keysOf("m"), { policy });
  now = 1234.5678;
  lease.settle({ kind: "completed", status: 500 });
  return registry;
}

/** What InfiniLM-SVC's router has in both of its lists. */
const WELL = {
  name: "well",
  host: "well",
  port: 8000,
  url: "http://well:8000",
  babysitter_url: "http://well:8001",
  healthy: true,
  request_count: 2,
  error_count: 1,
  response_time: 1.234568,
  weight: 1,
  models: ["m"],
  metadata: { type: "openai-api", rack: 7 },
};
const SICK = {
  name: "sick",
  host: "::1",
  port: 65535,
  url: "http://[::1]:65535",
  babysitter_url: null,
  healthy: false,
  request_count: 0,
  error_count: 0,
  response_time: 0,
  weight: 3,
  models: [],
  metadata: {},
};

Deno.test("/stats tells what was counted about every backend, with all that InfiniLM-SVC's router tells", async () => {
  assertEquals(
    await statsResponse(registry(), {
      queued: new Map([["m", 2]]),
      registryUrl: "http://registry:18000",
    }).json(),
    {
      total_services: 2,
      healthy_services: 1,
      registry_url: "http://registry:18000",
      queued: { m: 2 },
      services: [{ ...WELL, in_flight: 1 }, { ...SICK, in_flight: 0 }],
    },
  );
});

Deno.test("/services tells every backend, what it serves, how it is and since when, and no key", async () => {
  const context = { sources: [], registryUrl: undefined };
  const text = await servicesResponse(registry(), context).text();
  assertEquals(text.includes("secret"), false);
  const why = { since: "1970-01-01T00:00:00Z", ejected: null, drained: null, leaving: null };
  const ours = { engine: "openai", ...why };
  assertEquals(JSON.parse(text), {
    services: [
      { ...WELL, ...ours, in_flight: 1, max_in_flight: null, reason: null },
      { ...SICK, ...ours, in_flight: 0, max_in_flight: 8, reason: "sick" },
    ],
    total: 2,
    registry_url: null,
    sources: [],
  });
});

Deno.test("/services tells of a backend that is drained, and of one that nobody names, since when", async () => {
  let at = Date.UTC(2026, 0, 1);
  const options = { createGate: () => new TestGate(), wallNow: () => at };
  const backend = new Backend(newSpec("a"), options);
  const all = new Registry();
  all.apply([backend]);
  const shown = async (): Promise<unknown[]> => {
    const context = { sources: [], registryUrl: undefined };
    const { services: [{ healthy, drained, leaving }] } = await servicesResponse(all, context)
      .json();
    return [healthy, drained, leaving];
  };
  assertEquals(await shown(), [true, null, null]);
  backend.tell({ drain: true });
  at += 1000;
  backend.tell({ drain: true }); // no news
  backend.leave();
  const since = (second: number): string => `2026-01-01T00:00:0${second}Z`;
  assertEquals(await shown(), [
    true,
    { reason: "its operator drains it", since: since(0) },
    { reason: "no source names it any more", since: since(1) },
  ]);
  backend.tell({ drain: false });
  backend.configure(backend.spec);
  assertEquals(await shown(), [true, null, null]);
});

Deno.test("the babysitter of an IPv6 address has its brackets", () => {
  const backend = newBackend("six", { host: "::1", port: 8100 });
  assertEquals(serviceInfo(backend).babysitter_url, "http://[::1]:8101");
});
