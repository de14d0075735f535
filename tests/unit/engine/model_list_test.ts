import { assertEquals } from "@std/assert";
import { readModelList } from "../../../src/engine/model_list.ts";

function idsIn(text: string): string[] | undefined {
  return readModelList(text)?.map(({ id }) => id);
}

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
    assertEquals(idsIn(text), ids);
  });
}

Deno.test("the model list of a sick engine is bounded: names of 512 characters, 10 000 of them", () => {
  const ids = Array.from({ length: 10_005 }, (_, i) => ({ id: `m${i}` }));
  const long = [{ id: "x".repeat(513) }, { id: "x".repeat(512) }];
  assertEquals(idsIn(JSON.stringify({ data: ids }))?.length, 10_000);
  assertEquals(idsIn(JSON.stringify({ data: long })), ["x".repeat(512)]);
});

Deno.test("what a model list says of a model beside its id is kept as it is", () => {
  const text = '{"data":[{"id":"m","object":"model","max_model_len":8,"permission":[{"a":null}]}]}';
  assertEquals(readModelList(text), [{
    id: "m",
    fields: { object: "model", max_model_len: 8, permission: [{ a: null }] },
  }]);
});
