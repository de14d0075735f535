import { assertEquals } from "@std/assert";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";
import { OPENAI } from "../../../src/engine/openai.ts";

const BEGINNINGS: [events: string, begins: boolean][] = [
  ["data: x\n\n", true],
  ["data\n\n", true],
  ["event: e\ndata: x\n\n", true],
  ["\ufeffdata: x\n\n", true],
  [": ping\n\n", false],
  [":\n\n:\n\n", false],
  [": ping\r\n\r\n", false],
  [": ping\r\r", false],
  ["\n\n", false],
  [": data: x\n\n", false],
  [": ping\n\ndata: x\n\n", true],
  [": ping\rdata: x\r\r", true],
  ["", false],
];

for (const [events, begins] of BEGINNINGS) {
  Deno.test(`for OpenAI's engines ${JSON.stringify(events)} ${begins ? "begins" : "does not begin"} a stream`, () => {
    assertEquals(OPENAI.begins(new TextEncoder().encode(events)), begins);
  });
}

Deno.test("OpenAI's engines get a call as it is, query and bytes", () => {
  const endpoint = ENDPOINTS.find(({ path }) => path === "/chat/completions")!;
  const body = new Uint8Array([1, 2, 3]);
  const prepared = OPENAI.prepare({ endpoint, query: "?a=%20", body });
  assertEquals(prepared.target, "/v1/chat/completions?a=%20");
  assertEquals(prepared.body === body, true);
});
