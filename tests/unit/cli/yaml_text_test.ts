import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { yamlText } from "../../../src/cli/yaml_text.ts";
import { parseConfig } from "../../../src/config/load.ts";

function readBack(text: string): string | undefined {
  const yaml = `backends: [{ url: "http://x:1", models: [${yamlText(text)}] }]\n`;
  return parseConfig(yaml, "x.yaml", { env: () => undefined }).backends[0]?.models?.[0];
}

Deno.test("whatever text is written is read back as it is", () => {
  for (const text of ["null", "0x10", "${HOME}", "$${", "'\"\\", "#", "\u2028\u2029\ufeff\ufffd"]) {
    assertEquals(readBack(text), text);
  }
  const text = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) =>
    !/\p{Cc}/u.test(text)
  );
  fc.assert(fc.property(text, (text) => readBack(text) === text), { seed: 7, numRuns: 500 });
});
