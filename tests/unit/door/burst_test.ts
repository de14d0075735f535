import { assertEquals } from "@std/assert";
import { Burst } from "../../../src/door/burst.ts";

Deno.test("Burst tells the first of events that come close together, and the first after a quiet time", () => {
  let now = 0;
  const burst = new Burst({ quietMs: 10, now: () => now });
  const told: number[] = [];
  for (now of [0, 1, 9, 19, 29, 40, 41, 60]) if (burst.begins()) told.push(now);
  assertEquals(told, [0, 40, 60]);
});
