import { assertEquals, assertThrows } from "@std/assert";
import { specsIn } from "../../../src/discovery/infinilm_registry.ts";
import { SourceError } from "../../../src/discovery/polled_source.ts";

/** An engine's entry as a babysitter registers it. */
function entry(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: "svc-server",
    host: "10.0.0.5",
    port: 8100,
    hostname: "node5",
    url: "http://10.0.0.5:8100",
    status: "running",
    is_healthy: true,
    health_status: "unknown",
    metadata: { type: "openai-api", parent_service: "svc", models: ["m", "m", 5, ""], ...more },
  };
}

function read(...services: unknown[]): ReturnType<typeof specsIn> {
  return specsIn(JSON.stringify({ services, total: services.length }), "/services");
}

Deno.test("an engine's entry is a backend with what its metadata says", () => {
  const [spec] = read(entry({ weight: 3, cache_type: "static", max_context: 4096 }));
  assertEquals([spec?.name, spec?.url, spec?.host, spec?.port], [
    "svc-server",
    "http://10.0.0.5:8100",
    "10.0.0.5",
    8100,
  ]);
  assertEquals([spec?.models, spec?.weight, spec?.cacheType, spec?.maxContext, spec?.maxInFlight], [
    ["m"],
    3,
    "static",
    4096,
    1,
  ]);
  assertEquals([spec?.engine, spec?.metadata?.["parent_service"]], ["auto", "svc"]);
});

Deno.test("what an entry says wrongly, or not at all, is as if it were not said", () => {
  const [spec] = read(entry({ weight: -1, cache_type: "x", max_context: "4096", models: "m" }));
  assertEquals([spec?.models, spec?.weight, spec?.cacheType, spec?.maxContext], [
    undefined,
    1,
    undefined,
    undefined,
  ]);
  assertEquals(read({ ...entry(), name: "a b/ä" })[0]?.name, "a_b__");
  assertEquals(read({ ...entry(), host: "fd00::5" })[0]?.url, "http://[fd00::5]:8100");
});

Deno.test("babysitters, entries that are not well and nonsense are no backends", () => {
  const others = [
    { ...entry(), is_healthy: false },
    { ...entry(), metadata: { type: "InfiniLM-Server", babysitter: "enhanced" } },
    { ...entry(), metadata: null },
    { ...entry(), port: 0 },
    { ...entry(), port: "8100" },
    { ...entry(), host: "a b" },
    { ...entry(), host: 5 },
    { ...entry(), name: 7 },
    null,
    "x",
    [],
  ];
  assertEquals(read(...others), []);
});

Deno.test("what is no list of services is trouble, not an empty fleet", () => {
  for (const text of ["", "<html>", "[]", "{}", '{"services":{}}', "null"]) {
    assertThrows(() => specsIn(text, "/services"), SourceError, "no list of services");
  }
});
