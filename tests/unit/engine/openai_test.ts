import { assertEquals } from "@std/assert";
import { ENDPOINTS } from "../../../src/engine/endpoints.ts";
import { OPENAI } from "../../../src/engine/openai.ts";
import { callOf, PLAIN, runDialectContract } from "../../contract/dialect.ts";

runDialectContract("the OpenAI dialect", OPENAI);

Deno.test("OpenAI's engines get every endpoint on its path, and answer in a form that is not touched", () => {
  for (const { path, upstreamPath } of ENDPOINTS) {
    const call = callOf("{}", { path, query: "?q" });
    const prepared = OPENAI.prepare(call, PLAIN);
    assertEquals(prepared, { target: `${upstreamPath}?q`, body: call.body });
    assertEquals(OPENAI.refusal, undefined);
  }
});
