import { assertEquals } from "@std/assert";
import { comesBackIn, isRetryAfter } from "../../../src/proxy/retry_after.ts";

const NOW = Date.parse("Wed, 25 Nov 2026 12:00:00 GMT");

const SAID: readonly (readonly [name: string, value: string, ms: number | undefined])[] = [
  ["retry-after", "7", 7000],
  ["retry-after", "0", 0],
  ["retry-after", "Wed, 25 Nov 2026 12:00:09 GMT", 9000],
  ["retry-after", "Wed, 25 Nov 2026 11:00:00 GMT", 0],
  ["retry-after", "soon", undefined],
  ["retry-after", "-1", undefined],
  ["retry-after", "1.5", undefined],
  ["retry-after", "", undefined],
  ["retry-after-ms", "250", 250],
];

for (const [name, value, ms] of SAID) {
  Deno.test(`${name}: ${value} is ${ms === undefined ? "no word" : `${ms} ms`}`, () => {
    assertEquals(comesBackIn([[name, value]], () => NOW), ms);
    if (name === "retry-after") assertEquals(isRetryAfter(value), ms !== undefined);
  });
}

Deno.test("retry-after-ms is the more exact word", () => {
  assertEquals(comesBackIn([["retry-after", "1"], ["retry-after-ms", "300"]], () => NOW), 300);
});
