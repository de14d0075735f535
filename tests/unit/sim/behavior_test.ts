import { assert, assertEquals } from "@std/assert";
import { Behavior, FAULTS, INFINILM_FAULTS } from "../../../src/sim/behavior.ts";
import { seededRandom } from "../../../src/sim/random.ts";

function draws(rate: number, seed = 1): string[] {
  const behavior = new Behavior(seededRandom(seed));
  behavior.set("close", { rate });
  return Array.from({ length: 1000 }, () => behavior.draw());
}

Deno.test("Behavior hits every call at rate 1 and none at rate 0", () => {
  assert(draws(1).every((fault) => fault === "close"));
  assert(draws(0).every((fault) => fault === "none"));
});

Deno.test("Behavior hits a share of the calls, the same ones for the same seed", () => {
  const hit = draws(0.3).filter((fault) => fault === "close").length;
  assert(hit > 250 && hit < 350, `${hit} of 1000`);
  assertEquals(draws(0.3), draws(0.3));
});

Deno.test("FAULTS says what every fault means, each name once", () => {
  const faults = [...FAULTS, ...INFINILM_FAULTS];
  assertEquals(new Set(faults.map((fault) => fault.name)).size, faults.length);
  assert(faults.every((fault) => fault.meaning.length > 10));
});
