import { assertEquals } from "@std/assert";
import { chat, post, readStream, readWhole, withInfiniLm } from "./infinilm_client.ts";

/** The answer to `echo:` with a stop, whole and in pieces. */
const STOPS: readonly (readonly [what: string, stop: unknown, texts: string[], why: string])[] = [
  ["the text ends with it after a token", " c", ["a", " b"], "stop"],
  ["one of a list", ["x", " b"], ["a"], "stop"],
  ["a match inside a token is missed", "ongwor", ["a", " b", " c", " longword", " d"], "length"],
  ["what earlier tokens had of it stays", "b c", ["a", " b"], "stop"],
  ["an empty one ends it at once", "", [], "stop"],
  ["an empty list is none", [], ["a", " b", " c", " longword", " d"], "length"],
  ["false is none", false, ["a", " b", " c", " longword", " d"], "length"],
  ["of an object its keys count", { " b": 1 }, ["a"], "stop"],
];

Deno.test("InfiniLM: stop strings match only where a token ends, and its text is dropped", async () => {
  await withInfiniLm({}, async (sim) => {
    for (const [what, stop, texts, why] of STOPS) {
      const body = chat("echo:a b c longword d e", { stop, max_tokens: 6 });
      const stream = readStream(await post(sim, { ...body, stream: true }));
      assertEquals(stream, { texts, finishReasons: [why] }, what);
      const whole = readWhole(await post(sim, body));
      assertEquals([whole.text, whole.why], [texts.join(""), why], what);
      assertEquals(whole.usage.completion_tokens, texts.length + 1, "the last token counts");
    }
  });
});

Deno.test("InfiniLM: stop is read from sampling_params, too; the top level wins", async () => {
  await withInfiniLm({}, async (sim) => {
    const nested = { sampling_params: { stop: " b" }, max_tokens: 4 };
    assertEquals(readWhole(await post(sim, chat("echo:a b c d", nested))).text, "a");
    const both = { ...nested, stop: " c" };
    assertEquals(readWhole(await post(sim, chat("echo:a b c d", both))).text, "a b");
  });
});

Deno.test("InfiniLM: the token that ends the sequence has no text and is counted", async () => {
  await withInfiniLm({ eosAfter: 2 }, async (sim) => {
    const body = chat("echo:a b c", { max_tokens: 10 });
    const { text, why, usage } = readWhole(await post(sim, body));
    assertEquals([text, why, usage.completion_tokens], ["a b c", "stop", 4]);
    const stream = readStream(await post(sim, { ...body, stream: true }));
    assertEquals(stream, { texts: ["a", " b", " c"], finishReasons: ["stop"] });
    const unlimited = readWhole(await post(sim, { ...body, max_tokens: 0 }));
    assertEquals(unlimited.usage.completion_tokens, 4);
  });
});

Deno.test("InfiniLM: a character of two tokens makes one chunk, so chunks are not tokens", async () => {
  await withInfiniLm({}, async (sim) => {
    const body = chat("echo:a 😀 b", { max_tokens: 5 });
    assertEquals(readWhole(await post(sim, body)).usage.completion_tokens, 5);
    const { texts } = readStream(await post(sim, { ...body, stream: true }));
    assertEquals(texts.length, 3);
    // Ended between its halves, the character is lost.
    assertEquals(readWhole(await post(sim, { ...body, max_tokens: 2 })).text, "a");
  });
});

Deno.test("InfiniLM: static, max_tokens 0 runs to the end of the cache, all its text kept", async () => {
  await withInfiniLm({ kv: "static" }, async (sim) => {
    const { text, why, usage } = readWhole(await post(sim, chat("x", { max_tokens: 0 })));
    assertEquals([why, usage.total_tokens], ["length", 4097]);
    assertEquals(text.split(" ").length, usage.completion_tokens);
  });
});

Deno.test("InfiniLM: static, a prompt longer than the cache is a 200 with nothing", async () => {
  await withInfiniLm({ kv: "static" }, async (sim) => {
    const body = chat("x ".repeat(5004).trim());
    assertEquals(readWhole(await post(sim, body)), {
      text: "",
      why: "length",
      usage: { prompt_tokens: 5009, completion_tokens: 0, total_tokens: 5009 },
    });
    const stream = readStream(await post(sim, { ...body, stream: true }));
    assertEquals(stream, { texts: [], finishReasons: ["length"] });
    assertEquals(sim.steps, 0);
  });
});
