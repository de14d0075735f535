import { assertEquals } from "@std/assert";
import { withinBound } from "../../../src/config/value_bound.ts";

Deno.test("withinBound accepts what a config file holds", () => {
  assertEquals(withinBound("text"), true);
  assertEquals(withinBound(null), true);
  assertEquals(
    withinBound(Array.from({ length: 5000 }, () => ({ url: "u", models: ["a"] }))),
    true,
  );
});

Deno.test("withinBound counts a shared value as often as it is used, and ends quickly", () => {
  let value: unknown[] = ["x"];
  for (let i = 0; i < 18; i++) value = Array.from({ length: 10 }, () => value);
  assertEquals(withinBound(value), false);
});

Deno.test("withinBound refuses a value that contains itself", () => {
  const value: unknown[] = [];
  value.push(value);
  assertEquals(withinBound(value), false);
});

Deno.test("withinBound refuses deep nesting", () => {
  let value: unknown = 1;
  for (let i = 0; i < 100_000; i++) value = [value];
  assertEquals(withinBound(value), false);
});
