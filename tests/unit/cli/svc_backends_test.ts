import { assertEquals } from "@std/assert";
import { svcBackends } from "../../../src/cli/svc_backends.ts";
import type { BackendConfig } from "../../../src/config/config.ts";
import { parseConfig } from "../../../src/config/load.ts";
import type { SvcService } from "../../../src/config/svc_services.ts";

function service(more: Partial<SvcService> = {}): SvcService {
  return { name: "a", url: "http://10.0.0.5:8100", weight: 1, metadata: {}, ...more };
}

function backendsOf(...services: SvcService[]): BackendConfig[] {
  const lines = svcBackends(services).lines.map((line) => `  ${line}\n`);
  return parseConfig(`backends:\n${lines.join("")}`, "b.yaml", { env: () => undefined }).backends;
}

const METADATA: readonly (readonly [
  metadata: Record<string, unknown>,
  meant: Partial<BackendConfig>,
])[] = [
  [{}, {}],
  [{ models: ["m", 5, "m", "", "a\nb"] }, { models: ["m"] }],
  [{ models: [] }, {}],
  [{ models: "m" }, {}],
  [{ model: "m" }, {}],
  [{ models: ['"${HOME}": # \u2028 *x'] }, { models: ['"${HOME}": # \u2028 *x'] }],
  [{ cache_type: "static" }, { cacheType: "static", maxInFlight: 1 }],
  [{ cache_type: "paged" }, { cacheType: "paged" }],
  [{ cache_type: "other" }, {}],
  [{ max_context: 4096 }, { maxContext: 4096 }],
  [{ max_context: "4096" }, {}],
  [{ max_context: 0 }, {}],
  [{ "gpu\nbackends: x": 1, static: true }, {}],
];

for (const [metadata, meant] of METADATA) {
  Deno.test(`metadata ${JSON.stringify(metadata)} means ${JSON.stringify(meant)}`, () => {
    const [plain] = backendsOf(service());
    assertEquals(backendsOf(service({ metadata })), [{ ...plain!, ...meant }]);
  });
}

const NAMES: readonly (readonly [written: string, name: string])[] = [
  ["infinilm-backup1", "infinilm-backup1"],
  ["a b/c", "a_b_c"],
  ["机 one", "__one"],
  ["机器", "10.0.0.5_8100"],
  ["", "10.0.0.5_8100"],
  ["x".repeat(80), "x".repeat(64)],
];

for (const [written, name] of NAMES) {
  Deno.test(`a service called '${written}' is called ${name}`, () => {
    assertEquals(backendsOf(service({ name: written }))[0]?.name, name);
    const renamed = written !== name;
    assertEquals(svcBackends([service({ name: written })]).notes.length, renamed ? 1 : 0);
  });
}

Deno.test("names that differ only in what is not allowed here stay two", () => {
  const two = backendsOf(
    service({ name: "a b" }),
    service({ name: "a/b", url: "http://10.0.0.6:8100" }),
  );
  assertEquals(two.map(({ name }) => name), ["a_b", "a_b_2"]);
});
