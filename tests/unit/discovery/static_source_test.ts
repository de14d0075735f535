import { assertEquals } from "@std/assert";
import { StaticSource } from "../../../src/discovery/static_source.ts";
import { newSpec } from "../../contract/backends.ts";

Deno.test("a static source says what it has at once and when it changes, until nobody watches", () => {
  const source = new StaticSource([newSpec("a")]);
  const told: string[][] = [];
  const stop = source.watch({
    onSpecs: (specs) => told.push(specs.map(({ name }) => name)),
    onTrouble: () => {},
  });
  source.update([newSpec("a"), newSpec("b")]);
  stop();
  source.update([]);
  assertEquals(told, [["a"], ["a", "b"]]);
});
