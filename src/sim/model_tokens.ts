import { EOS, type ModelToken } from "./generation.ts";
import { type AnswerRequest, echoedBy, endlessAnswer } from "./text.ts";

// Characters whose bytes a tokenizer spreads over two tokens, as it does with emoji.
const SPLIT = /[\u{10000}-\u{10ffff}]/u;

/** What the model says to a prompt, token by token; with `eosAfter` it ends by itself. */
export function* modelTokens(
  request: Pick<AnswerRequest, "prompt" | "lastMessage" | "seed">,
  { eosAfter = 0 }: { eosAfter?: number },
): Generator<ModelToken> {
  const length = eosAfter > 0 ? Math.max(eosAfter, echoedBy(request).length) : Infinity;
  let tokens = 0;
  for (const token of endlessAnswer(request)) {
    if (tokens++ === length) break;
    // The first half is no text yet; the second comes with all of it.
    if (SPLIT.test(token)) yield "";
    yield token;
  }
  yield EOS;
}
