import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { JsonEnd } from "../../../src/proxy/json_end.ts";
import { bytesOf } from "../sse/support.ts";

Deno.test("several texts are whole if each is, and something that is no object is, too", () => {
  const reached = (text: string): boolean => {
    const end = new JsonEnd();
    end.see(bytesOf(text));
    return end.reached;
  };
  assertEquals(['{"a":1}\n{"b":[]}\n', '"x"', "12", "[]{}"].map(reached), [true, true, true, true]);
  assertEquals(['{"a":1}\n{"b":', '"x', "", " \n", "[}["].map(reached), [
    false,
    false,
    false,
    false,
    false,
  ]);
});

const OBJECTS = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });

Deno.test("JSON is at its end behind its last bracket, and nowhere before, wherever its pieces are cut", () => {
  const property = fc.property(OBJECTS, fc.nat(), (value, cut) => {
    const bytes = bytesOf(JSON.stringify(value));
    const end = new JsonEnd();
    const at = cut % bytes.length;
    end.see(bytes.subarray(0, at));
    assertEquals([end.reached, end.isCutShort()], [false, true]);
    end.see(bytes.subarray(at));
    assertEquals([end.reached, end.isCutShort()], [true, false]);
  });
  fc.assert(property, { numRuns: 500, seed: 3 });
});
