import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type AnswerRequest, answerTo, tokenize } from "../../../src/sim/text.ts";

function ask(prompt: string, options: Partial<AnswerRequest> = {}): ReturnType<typeof answerTo> {
  return answerTo({ prompt, naturalLength: 16, seed: 1, ...options });
}

Deno.test("tokenize counts one token per word and one per CJK character", () => {
  assertEquals(tokenize("Hello, big  world"), ["Hello,", " big", "  world"]);
  assertEquals(tokenize("你好 ok。"), ["你", "好", " ok", "。"]);
  assertEquals(tokenize(""), []);
});

Deno.test("tokenize loses nothing of the text", () => {
  for (const text of [" a\n b ", "山东最高的山是？ x", "😀 smile", "\t"]) {
    assertEquals(tokenize(text).join(""), text);
  }
});

Deno.test("answerTo gives the same text for seed and prompt, and another for other ones", () => {
  assertEquals(ask("hi"), ask("hi"));
  assertNotEquals(ask("hi").tokens, ask("ho").tokens);
  assertNotEquals(ask("hi").tokens, ask("hi", { seed: 2 }).tokens);
});

Deno.test("answerTo ends by itself at its natural length, and by length when limited", () => {
  assertEquals(ask("hi").tokens.length, 16);
  assertEquals(ask("hi").finishReason, "stop");
  assertEquals(ask("hi", { maxTokens: 40 }).tokens.length, 40);
  assertEquals(ask("hi", { maxTokens: 40 }).finishReason, "length");
});

Deno.test("answerTo answers an English prompt in English and a Chinese one in Chinese", () => {
  assertMatch(ask("hi").tokens.join(""), /^[A-Z][A-Za-z. ]+$/);
  assertMatch(ask("你好").tokens.join(""), /^[\p{sc=Han}。]+$/u);
});

Deno.test("answerTo begins with what follows echo: in the last message, even if that is long", () => {
  const said = "number 7 of 9 ".repeat(10).trimEnd();
  const answer = ask("before\necho: x", { lastMessage: `please echo: ${said}` });
  assertEquals(answer.tokens.join(""), said);
  assert(ask("echo:one").tokens.join("").startsWith("one "));
});

Deno.test("answerTo cuts before the first stop text, also one inside or across tokens", () => {
  const answer = ask("echo:alpha beta gamma", { stop: ["gam", "ta g", ""] });
  assertEquals(answer, { tokens: ["alpha", " be"], finishReason: "stop" });
  assertEquals(ask("echo:alpha", { stop: ["alpha"] }).tokens, []);
});

Deno.test("answerTo bounds an absurd max_tokens", () => {
  assertEquals(ask("hi", { maxTokens: 1e12 }).tokens.length, 131_072);
});
