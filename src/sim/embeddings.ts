import { seededRandom, seedFrom } from "./random.ts";
import { tokenize } from "./text.ts";

const EMBEDDING_SIZE = 8;

/** What OpenAI answers to a call for embeddings; the same text has the same one. */
export function embeddings(
  input: unknown,
  options: { model: string; seed: number },
): Record<string, unknown> {
  const inputs = Array.isArray(input) ? input : [input ?? ""];
  const texts = inputs.map((text) => typeof text === "string" ? text : JSON.stringify(text));
  const data = texts.map((text, index) => {
    const random = seededRandom(seedFrom(options.seed, text));
    const embedding = Array.from({ length: EMBEDDING_SIZE }, () => 2 * random() - 1);
    return { object: "embedding", index, embedding };
  });
  const tokens = texts.reduce((sum, text) => sum + tokenize(text).length, 0);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: "list", data, model: options.model, usage };
}
