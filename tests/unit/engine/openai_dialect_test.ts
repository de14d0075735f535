import { assertEquals } from "@std/assert";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";
import { OPENAI } from "../../../src/engine/openai.ts";

Deno.test("for OpenAI's engines everything that is whole begins a stream, a comment too", () => {
  for (const events of ["data: x\n\n", ": ping\n\n"]) {
    assertEquals(OPENAI.begins(new TextEncoder().encode(events)), true);
  }
});

Deno.test("OpenAI's engines get a call as it is, query and bytes", () => {
  const endpoint = ENDPOINTS.find(({ path }) => path === "/chat/completions")!;
  const body = new Uint8Array([1, 2, 3]);
  const prepared = OPENAI.prepare({ endpoint, query: "?a=%20", body });
  assertEquals(prepared.target, "/v1/chat/completions?a=%20");
  assertEquals(prepared.body === body, true);
});
