import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseSize } from "../../../src/config/size.ts";

fc.configureGlobal({ seed: 20250601 });

Deno.test("parseSize reads powers of 1024 and of 1000 as bytes", () => {
  assertEquals(parseSize("512B"), 512);
  assertEquals(parseSize("4KiB"), 4096);
  assertEquals(parseSize("32MiB"), 33_554_432);
  assertEquals(parseSize("1GiB"), 1_073_741_824);
  assertEquals(parseSize("1kB"), 1000);
  assertEquals(parseSize("1KB"), 1000);
  assertEquals(parseSize("2MB"), 2_000_000);
  assertEquals(parseSize("1GB"), 1_000_000_000);
  assertEquals(parseSize("1.5MiB"), 1_572_864);
});

Deno.test("parseSize gives undefined for a bare number, zero included, and for anything else", () => {
  for (
    const text of ["", "0", "1024", "MiB", "1 MiB", "-1MiB", "1K", "1M", "1mib", "1TiB", "0.1KiB"]
      .concat(["0.5B", "1e3B", "999999999999999GiB", "1MiB1KiB"])
  ) {
    assertEquals(parseSize(text), undefined, text);
  }
});

Deno.test("parseSize reads back every whole number of every unit", () => {
  const factors = { B: 1, kB: 1e3, MB: 1e6, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
  const unit = fc.constantFrom(...Object.entries(factors));
  fc.assert(fc.property(fc.nat({ max: 1_000_000 }), unit, (count, [name, factor]) => {
    assertEquals(parseSize(`${count}${name}`), count * factor);
  }));
});

Deno.test("parseSize never throws and gives whole non-negative numbers only", () => {
  const near = fc.stringMatching(/^[-+.0-9kKMGiB ]{0,12}$/);
  fc.assert(fc.property(fc.oneof(fc.string(), near), (text) => {
    const value = parseSize(text);
    assertEquals(value === undefined || (Number.isSafeInteger(value) && value >= 0), true);
  }));
});
