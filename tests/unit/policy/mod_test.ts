import { assertEquals } from "@std/assert";
import { POLICIES } from "../../../src/policy/mod.ts";

Deno.test("POLICIES has every policy under the name that the configuration uses", () => {
  assertEquals(Object.keys(POLICIES).sort(), ["least_load", "p2c", "round_robin"]);
});
