import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseDuration } from "../../../src/config/duration.ts";

fc.configureGlobal({ seed: 20250601 });

Deno.test("parseDuration reads a number with each unit as milliseconds", () => {
  assertEquals(parseDuration("500ms"), 500);
  assertEquals(parseDuration("30s"), 30_000);
  assertEquals(parseDuration("2m"), 120_000);
  assertEquals(parseDuration("1h"), 3_600_000);
  assertEquals(parseDuration("0s"), 0);
});

Deno.test("parseDuration reads decimals exactly", () => {
  assertEquals(parseDuration("1.5s"), 1500);
  assertEquals(parseDuration("1.1m"), 66_000);
  assertEquals(parseDuration("0.001s"), 1);
});

Deno.test("parseDuration gives undefined for whatever is not one number and one unit", () => {
  for (
    const text of ["", "30", "s", "30 s", " 30s", "-1s", "+1s", "1m30s", "1e3s", ".5s", "5.s"]
      .concat(["30S", "30sec", "1d", "0.5ms", "٣s", "1_000ms", "9999999999999999s", "NaNs"])
  ) {
    assertEquals(parseDuration(text), undefined, text);
  }
});

Deno.test("parseDuration reads back every whole number of every unit", () => {
  const factors = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  const unit = fc.constantFrom(...Object.entries(factors));
  fc.assert(fc.property(fc.nat(), unit, (count, [name, factor]) => {
    assertEquals(parseDuration(`${count}${name}`), count * factor);
  }));
});

Deno.test("parseDuration never throws and gives whole non-negative numbers only", () => {
  const near = fc.stringMatching(/^[-+.0-9msh ]{0,12}$/);
  fc.assert(fc.property(fc.oneof(fc.string(), near), (text) => {
    const value = parseDuration(text);
    assertEquals(value === undefined || (Number.isSafeInteger(value) && value >= 0), true);
  }));
});
