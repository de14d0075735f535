import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { nestsDeeper } from "../../../src/proxy/json_depth.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

Deno.test("nestsDeeper counts arrays and objects, and nothing inside strings", () => {
  for (
    const [json, depth] of [
      ["[]", 1],
      ['{"a":[{"b":[]}]}', 4],
      ["[[],[],[]]", 2],
      ['["[[[[[[", "{{{{"]', 1],
      ['["\\"[[[[", "\\\\", [1]]', 2],
      ['{"\\\\\\"[[":[]}', 2],
      ["5", 0],
    ] as const
  ) {
    assertEquals([json, nestsDeeper(json, depth)], [json, false]);
    if (depth > 0) assertEquals([json, nestsDeeper(json, depth - 1)], [json, true]);
  }
});

Deno.test("nestsDeeper agrees with the parsed value on any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat({ max: 8 }), (value, limit) => {
      assertEquals(
        nestsDeeper(JSON.stringify(value), limit),
        depthOf(value) > limit,
      );
    }),
    { numRuns: 500, seed: 4 },
  );
});

Deno.test("nestsDeeper ends on text that is not JSON", () => {
  for (const text of ["", '"', '"\\', "]]]]", '{"a', "[".repeat(10)]) {
    nestsDeeper(text, 5);
  }
});
