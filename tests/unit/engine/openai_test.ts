import { assertEquals } from "@std/assert";
import { readModelIds } from "../../../src/engine/openai.ts";

const LISTS: [text: string, ids: string[] | undefined][] = [
  ['{"object":"list","data":[{"id":"m","object":"model"},{"id":"org/n"}]}', ["m", "org/n"]],
  ['{"data":[]}', []],
  ['{"data":[{"id":5},null,"x",{"id":""},[],{"id":"m"}]}', ["m"]],
  ["", undefined],
  ["<html>", undefined],
  ["null", undefined],
  ["[]", undefined],
  ["5", undefined],
  ["{}", undefined],
  ['{"data":{"id":"m"}}', undefined],
];

for (const [text, ids] of LISTS) {
  Deno.test(`the model list ${JSON.stringify(text)} has ${ids ?? "no list"}`, () => {
    assertEquals(readModelIds(text), ids);
  });
}
