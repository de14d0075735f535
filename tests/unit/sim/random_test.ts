import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { seededRandom, seedFrom } from "../../../src/sim/random.ts";

function draw(seed: number, count: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}

Deno.test("seededRandom gives the same numbers for the same seed and others for another", () => {
  assertEquals(draw(7, 20), draw(7, 20));
  assertNotEquals(draw(7, 20), draw(8, 20));
});

Deno.test("seededRandom stays in [0, 1) and spreads evenly", () => {
  const numbers = draw(1, 10_000);
  assert(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
});

Deno.test("seedFrom depends on the seed and on every character", () => {
  assertEquals(seedFrom(1, "abc"), seedFrom(1, "abc"));
  assertNotEquals(seedFrom(1, "abc"), seedFrom(2, "abc"));
  assertNotEquals(seedFrom(1, "abc"), seedFrom(1, "acb"));
});
