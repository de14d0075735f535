import { assertEquals, assertThrows } from "@std/assert";
import { parsePythonJson, spacedJson } from "../../../src/sim/python_json.ts";

function parse(text: string): unknown {
  return parsePythonJson(new TextEncoder().encode(text));
}

Deno.test("parsePythonJson takes NaN and Infinity, but not inside strings", () => {
  assertEquals(parse('[NaN,Infinity,-Infinity,"NaN \\" Infinity"]'), [
    NaN,
    Infinity,
    -Infinity,
    'NaN " Infinity',
  ]);
});

Deno.test("parsePythonJson takes a byte order mark, and no other bytes that are not UTF-8", () => {
  assertEquals(parse('\ufeff{"a":1}'), { a: 1 });
  assertThrows(() => parsePythonJson(new Uint8Array([0x22, 0xff, 0x22])));
  assertThrows(() => parsePythonJson(new Uint8Array([0xff])));
});

Deno.test("parsePythonJson gives up on deep nesting, of which brackets in strings are none", () => {
  assertThrows(() => parse("[".repeat(1000) + "]".repeat(1000)), SyntaxError);
  assertEquals(parse(`"${"[".repeat(1000)}"`), "[".repeat(1000));
  assertEquals(parse(`[${"[],".repeat(1000)}[]]`), Array.from({ length: 1001 }, () => []));
});

Deno.test("parsePythonJson refuses what is not JSON", () => {
  for (const text of ["", "{", "nan", "inf", "{'a':1}", "[1,]"]) {
    assertThrows(() => parse(text), SyntaxError);
  }
});

Deno.test("spacedJson has a blank after every colon and comma, and raw UTF-8", () => {
  assertEquals(
    spacedJson({ a: [1, "x, y: z", null], b: { c: true }, d: {}, e: [], f: '你"\n' }),
    '{"a": [1, "x, y: z", null], "b": {"c": true}, "d": {}, "e": [], "f": "你\\"\\n"}',
  );
});
