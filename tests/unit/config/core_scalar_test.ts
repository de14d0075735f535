import { assertEquals } from "@std/assert";
import { coreScalar } from "../../../src/config/core_scalar.ts";

Deno.test("coreScalar reads null, booleans and decimal numbers, and leaves all else as text", () => {
  for (const text of ["", "~", "null", "Null", "NULL"]) assertEquals(coreScalar(text), null);
  for (const text of ["true", "True", "TRUE"]) assertEquals(coreScalar(text), true);
  for (const text of ["false", "False", "FALSE"]) assertEquals(coreScalar(text), false);
  assertEquals(["8000", "-1", "+1", "1.5", ".5", "1e3"].map(coreScalar), [
    8000,
    -1,
    1,
    1.5,
    0.5,
    1e3,
  ]);
  for (const text of ["yes", "no", "on", "tRUE", "1_000", "0x10", "30s", " ", "."]) {
    assertEquals(coreScalar(text), text);
  }
});
