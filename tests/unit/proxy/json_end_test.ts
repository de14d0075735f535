import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { JsonEnd } from "../../../src/proxy/json_end.ts";
import { bytesOf } from "../sse/support.ts";

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
