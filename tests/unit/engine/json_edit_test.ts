import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { editJson, type JsonEdit } from "../../../src/engine/json_edit.ts";

function edited(text: string, ...edits: JsonEdit[]): string {
  return new TextDecoder().decode(editJson(new TextEncoder().encode(text), edits));
}

const CASES: readonly (readonly [text: string, edit: JsonEdit, expected: string])[] = [
  ['{"a": 1.0, "b":"\\u00e9"}', { path: ["a"], value: 2 }, '{"a": 2, "b":"\\u00e9"}'],
  ['{ "a" : 1e2 ,"b":[ 1 ] }', { path: ["a"], name: "c" }, '{ "c" : 1e2 ,"b":[ 1 ] }'],
  ['{"a\\u0062":1}', { path: ["ab"], name: "x" }, '{"x":1}'],
  [
    '{"a":{"b":[0,{"c":"}\\""}]}}',
    { path: ["a", "b", 1, "c"], value: "x" },
    '{"a":{"b":[0,{"c":"x"}]}}',
  ],
  ['{"a":1,"a":2}', { path: ["a"], value: 3 }, '{"a":1,"a":3}'],
  ['{"a":true}', { path: ["s"], value: true }, '{"s":true,"a":true}'],
  ["{ }", { path: ["s"], value: "ä" }, '{"s":"ä" }'],
  ['{"a":1}', { path: ["b", "c"], value: 1 }, '{"a":1}'],
  ['{"a":[1]}', { path: ["a", 5], value: 1 }, '{"a":[1]}'],
  ['{"a":1}', { path: ["b"], name: "c" }, '{"a":1}'],
  ['\n{"a":-0.10E+2\n}', { path: ["a"], value: [1] }, '\n{"a":[1]\n}'],
];

for (const [text, edit, expected] of CASES) {
  Deno.test(`JSON ${text} with ${JSON.stringify(edit)} becomes ${expected}`, () => {
    assertEquals(edited(text, edit), expected);
  });
}

Deno.test("several edits are made at once, in the order of the text", () => {
  const text = '{"b":1,"a":"x","c":[{"d":2}]}';
  const edits: JsonEdit[] = [
    { path: ["c", 0, "d"], value: 3 },
    { path: ["b"], name: "e" },
    { path: ["s"], value: 0 },
  ];
  assertEquals(edited(text, ...edits), '{"s":0,"e":1,"a":"x","c":[{"d":3}]}');
});

Deno.test("whatever JSON it is, an edit changes what it names and nothing else", () => {
  const objects = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, maxKeys: 6 });
  const property = fc.property(
    objects,
    fc.nat(),
    fc.jsonValue(),
    fc.boolean(),
    (object, nth, value, spaced) => {
      const names = Object.keys(object);
      const name = names[nth % names.length]!;
      const text = JSON.stringify(object, undefined, spaced ? 2 : undefined);
      const expected = Object.fromEntries(
        Object.entries(object).map(([key, old]) => [key, key === name ? value : old]),
      );
      assertEquals(
        JSON.parse(edited(text, { path: [name], value })),
        JSON.parse(JSON.stringify(expected)),
      );
      const renamed = JSON.parse(edited(text, { path: [name], name: "\0new" }));
      assertEquals(renamed["\0new"], JSON.parse(JSON.stringify(object[name])));
      assertEquals(edited(text), text);
    },
  );
  fc.assert(property, { numRuns: 500, seed: 9 });
});

Deno.test("thousands of edits of one list are one walk over it", () => {
  const messages = Array.from(
    { length: 4000 },
    (_, index) => ({ content: [index, "x".repeat(60)] }),
  );
  const edits = messages.map((_, index): JsonEdit => ({
    path: ["messages", index, "content"],
    value: index,
  }));
  const made = JSON.parse(edited(JSON.stringify({ messages }), ...edits));
  assertEquals(made.messages.length, 4000);
  assertEquals(made.messages[3999], { content: 3999 });
});
