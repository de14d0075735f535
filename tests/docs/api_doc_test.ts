import { assertEquals, assertExists } from "@std/assert";
import { healthResponse } from "../../src/api/health.ts";
import { modelsResponse } from "../../src/api/models.ts";
import { servicesResponse } from "../../src/api/services.ts";
import { statsResponse } from "../../src/api/stats.ts";
import { Registry } from "../../src/registry/registry.ts";
import { newBackend } from "../contract/backends.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/api.md", import.meta.url));

const registry = new Registry();
registry.apply([newBackend("engine_8100", { port: 8100 })]);
const sources = [{ name: "configuration", backends: 1, trouble: null }];

const PAGES: readonly (readonly [path: string, answer: Response])[] = [
  ["/health", healthResponse(registry, { wallNow: 0, registryUrl: undefined })],
  ["/models", modelsResponse(registry)],
  ["/services", servicesResponse(registry, { sources, registryUrl: undefined })],
  [
    "/stats",
    statsResponse(registry, { queued: new Map([["Qwen3-32B", 3]]), registryUrl: undefined }),
  ],
];

for (const [path, answer] of PAGES) {
  Deno.test(`docs/api.md shows the fields of ${path} in their order`, async () => {
    const [, example] = new RegExp(`^\`${path}\`:\n\n\`\`\`json\n(.*?)^\`\`\``, "ms").exec(PAGE) ??
      [];
    assertExists(example, `an example of ${path}`);
    assertEquals(shapeOf(JSON.parse(example)), shapeOf(await answer.json()));
  });
}

/** The names of all fields, as deep as they go. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== "object" || value === null) return "value";
  return Object.entries(value).map(([name, part]) => [name, shapeOf(part)]);
}
