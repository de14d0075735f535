import { assertEquals, assertThrows } from "@std/assert";
import { isTrue, PythonError, repr, toFloat, toInt } from "../../../src/sim/python_values.ts";

Deno.test("isTrue is Python's truth", () => {
  for (const value of [true, 1, -1, NaN, "0", "false", [0], { a: 0 }]) {
    assertEquals(isTrue(value), true, JSON.stringify(value));
  }
  for (const value of [false, 0, "", null, undefined, [], {}]) {
    assertEquals(isTrue(value), false, JSON.stringify(value));
  }
});

Deno.test("toInt and toFloat take what Python takes", () => {
  const integers = [["3", 3], [" -4 ", -4], ["1_000", 1000], [2.9, 2], [-2.9, -2], [
    true,
    1,
  ]] as const;
  for (const [value, expected] of integers) assertEquals(toInt(value), expected);
  const floats = [["1.5", 1.5], ["1e3", 1000], [".5", 0.5], ["inf", Infinity], [false, 0]] as const;
  for (const [value, expected] of floats) assertEquals(toFloat(value), expected);
  assertEquals(toFloat("nan"), NaN);
});

Deno.test("toInt and toFloat refuse what Python refuses", () => {
  for (const value of ["3.0", "", "0x1", "1__0", {}, NaN, -Infinity]) {
    assertThrows(() => toInt(value), PythonError);
  }
  for (const value of ["", "1,5", "a", [], {}, null]) {
    assertThrows(() => toFloat(value), PythonError);
  }
});

Deno.test("repr quotes as Python does", () => {
  assertEquals(repr("a"), "'a'");
  assertEquals(repr("it's"), `"it's"`);
  assertEquals(repr(`it's "x"`), `'it\\'s "x"'`);
  assertEquals(repr("a\nb\\"), "'a\\nb\\\\'");
});
