import { assertEquals } from "@std/assert";
import { engineOf } from "../../../src/engine/engines.ts";

Deno.test("an engine is InfiniLM's if its model list says that it owns a model, else OpenAI's", () => {
  const cards = (...owners: unknown[]) =>
    owners.map((owned_by) => ({ id: "m", fields: { owned_by } }));
  assertEquals(engineOf(cards("infinilm"), []), "infinilm");
  assertEquals(engineOf(cards("vllm", "infinilm"), []), "infinilm");
  for (const other of [[], ["vllm"], ["InfiniLM-like"], [undefined], [5]]) {
    assertEquals(engineOf(cards(...other), []), "openai");
  }
  // A router in front of one translates by itself.
  assertEquals(engineOf(cards("infinilm"), [["x-infinilm-service", "infinilm-router"]]), "openai");
});
