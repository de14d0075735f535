import OpenAI from "openai";
import type { Shown } from "./client.ts";
import type { Heard, Wish } from "./equal_wishes.ts";
import { testEqual } from "./test_equal.ts";

interface Choice {
  readonly index: number;
  readonly finish_reason: string | null;
  readonly text?: string;
  readonly message?: { readonly content: string | null };
  readonly delta?: { readonly content?: string | null };
}

/** An answer, or an event of one. */
interface Piece {
  readonly choices: readonly Choice[];
  readonly usage?: OpenAI.CompletionUsage | null;
}

async function ask(
  wish: Wish,
  { url, model }: { url: string; model: string },
): Promise<Heard> {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "not-needed", maxRetries: 0 });
  const texts: string[] = [];
  const finish: string[] = [];
  let usage: number[] | undefined;
  const take = (piece: Piece): void => {
    for (const { index, finish_reason, text, message, delta } of piece.choices) {
      texts[index] = (texts[index] ?? "") + (text ?? message?.content ?? delta?.content ?? "");
      if (finish_reason) finish[index] = finish_reason;
    }
    if (piece.usage) usage = [piece.usage.prompt_tokens, piece.usage.completion_tokens];
  };
  try {
    switch (wish.kind) {
      case "models": {
        const list: string[] = [];
        for await (const { id } of client.models.list()) list.push(id);
        return { list };
      }
      case "model":
        return { list: [(await client.models.retrieve(model)).id] };
      case "embedding": {
        const { data } = await client.embeddings.create({ model, input: wish.content as string });
        return { list: data.map(({ object }) => object) };
      }
    }
    // Some of it is wrong, and is meant to be.
    const answer: unknown = await (wish.kind === "chat"
      ? client.chat.completions.create(chatBody(wish, model))
      : client.completions.create(completionBody(wish, model)));
    if (!wish.stream) {
      take(answer as Piece);
    } else {
      const stream = answer as AsyncIterable<Piece> & { controller: AbortController };
      let pieces = 0;
      for await (const piece of stream) {
        take(piece);
        if (++pieces === wish.leaveAfter) {
          stream.controller.abort();
        }
      }
    }
    return { texts, finish, usage };
  } catch (error) {
    return { texts, error: error as Shown };
  }
}

function chatBody({ content, stream, more }: Wish, model: string): never {
  return { model, messages: [{ role: "user", content }], stream, ...more } as never;
}

function completionBody({ content, prompts, stream, more }: Wish, model: string): never {
  return { model, prompt: prompts ?? content, stream, ...more } as never;
}

testEqual("npm openai", ask);
