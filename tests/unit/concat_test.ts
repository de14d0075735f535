import { assertEquals } from "@std/assert";
import { concat } from "../../src/concat.ts";

Deno.test("concat gives all pieces as one, in their order, and nothing for none", () => {
  const pieces = [[1, 2], [], [3], [4, 5, 6]].map((bytes) => new Uint8Array(bytes));
  assertEquals(concat(pieces), new Uint8Array([1, 2, 3, 4, 5, 6]));
  assertEquals(concat([]), new Uint8Array(0));
});

Deno.test("concat copies: its pieces may be used again", () => {
  const piece = new Uint8Array([1]);
  const all = concat([piece]);
  piece[0] = 2;
  assertEquals(all, new Uint8Array([1]));
});
