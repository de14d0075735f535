import { assertEquals } from "@std/assert";
import { agreed } from "../../../src/registry/model_card.ts";

type Fields = Record<string, unknown>;

function agreedOf(...all: Fields[]): Fields {
  return { ...agreed(all.map((fields) => ({ id: "m", fields }))) };
}

const CASES: readonly (readonly [what: string, fields: Fields[], expected: Fields])[] = [
  ["nobody says anything", [], {}],
  ["one alone", [{ owned_by: "vllm", permission: [{ id: "p" }] }], {
    owned_by: "vllm",
    permission: [{ id: "p" }],
  }],
  ["all alike, in any order", [{ a: { x: 1, y: [2] }, root: "r" }, {
    root: "r",
    a: { y: [2], x: 1 },
  }], { a: { x: 1, y: [2] }, root: "r" }],
  ["one says other", [{ root: "r", a: 1 }, { root: "s", a: 1 }], { a: 1 }],
  ["one says nothing of it", [{ root: "r", a: null }, { root: "r" }], { root: "r" }],
  ["limits that differ", [{ max_model_len: 32768 }, { max_model_len: 8192 }], {
    max_model_len: 8192,
  }],
  ["a limit that only one says", [{}, { max_model_len: 8192, max_seats: 3 }], {
    max_model_len: 8192,
  }],
  ["a limit that is no number", [{ max_model_len: "8192" }, { max_model_len: 9000 }], {
    max_model_len: 9000,
  }],
  ["other limits", [{ context_length: 5, n: 1 }, { context_length: 4, n: 2 }], {
    context_length: 4,
  }],
];

for (const [what, fields, expected] of CASES) {
  Deno.test(`cards of a model: ${what}`, () => assertEquals(agreedOf(...fields), expected));
}

Deno.test("a card with a name that objects have from birth says it as any other", () => {
  const fields = JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3}');
  const told = agreed([{ id: "m", fields }, { id: "m", fields }]);
  assertEquals(Object.entries(told), Object.entries(fields));
  assertEquals(agreedOf({ constructor: 2 }, {}), {});
});
