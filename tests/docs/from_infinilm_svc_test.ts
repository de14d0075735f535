import { assertEquals, assertStringIncludes } from "@std/assert";
import { svcConfig } from "../../src/cli/svc_config.ts";
import { SVC_FLAGS } from "../../src/cli/svc_flags.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/from_infinilm_svc.md", import.meta.url));
const ROWS = [...PAGE.matchAll(/^\| `([\w-]+)` \| (\S+) \| `([\w[\].]+)`/gm)]
  .map(([, source, fallback, key]) => ({ source: source!, fallback: fallback!, key: key! }));

Deno.test("docs/from_infinilm_svc.md has every flag and both variables", () => {
  const flags = Object.keys(SVC_FLAGS).map((name) => `--${name}`);
  const variables = ["PROXY_TIMEOUT_SECONDS", "CACHE_TYPE_ROUTING_THRESHOLD"];
  assertEquals(ROWS.map(({ source }) => source).sort(), [...flags, ...variables].sort());
});

for (const { source, fallback, key } of ROWS.filter(({ fallback }) => fallback !== "none")) {
  Deno.test(`docs/from_infinilm_svc.md says which key ${source} is, and its default`, () => {
    const flags: Record<string, string> = { "registry-url": "http://10.0.0.1:18000" };
    const line = `: ${fallback}`;
    const text = (given: string | undefined): string => {
      const isFlag = source.startsWith("--");
      const values = isFlag ? { ...flags, [source.slice(2)]: given } : flags;
      const env = (name: string): string | undefined => name === source ? given : undefined;
      return svcConfig({ values, positionals: [] }, { env }).text;
    };
    const name = key.split(".").at(-1)!;
    const lineOf = (given?: string): string =>
      text(given).split("\n").find((line) =>
        line.trim().startsWith(`${name}:`) && line.includes(source)
      ) ?? "";
    assertStringIncludes(lineOf(), name + line);
    assertStringIncludes(lineOf("7"), `${name}: 7`);
  });
}
