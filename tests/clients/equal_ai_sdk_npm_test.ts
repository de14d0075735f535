import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embed, generateText, streamText } from "ai";
import type { Shown } from "./client.ts";
import type { Heard, Part, Wish } from "./equal_wishes.ts";
import { testEqual } from "./test_equal.ts";

// Of every completion it says that such models have no tool choice, for which nobody asks.
globalThis.AI_SDK_LOG_WARNINGS = false;

async function ask(
  wish: Wish,
  { url, model }: { url: string; model: string },
): Promise<Heard> {
  const provider = createOpenAICompatible({
    name: "router",
    baseURL: `${url}/v1`,
    includeUsage: (wish.more ?? {})["stream_options"] !== undefined,
  });
  const { stop } = wish.more ?? {};
  const same = {
    maxRetries: 0,
    // Of a completion it says its own stop strings, and these.
    stopSequences: wish.kind === "completion" ? stop as string[] | undefined : undefined,
    providerOptions: { router: wish.more as never ?? {} },
  };
  let text = "";
  try {
    if (wish.kind === "embedding") {
      const embedding = provider.embeddingModel(model);
      const { embedding: vector } = await embed({
        ...same,
        model: embedding,
        value: wish.content as string,
      });
      return { list: vector.length > 0 ? ["embedding"] : [] };
    }
    const leaving = new AbortController();
    const call = {
      ...same,
      model: wish.kind === "chat" ? provider(model) : provider.completionModel(model),
      messages: [{ role: "user" as const, content: contentOf(wish) }],
      abortSignal: leaving.signal,
    };
    if (!wish.stream) {
      const { text, finishReason, usage } = await generateText(call);
      const counts = [usage.inputTokens ?? 0, usage.outputTokens ?? 0];
      return { texts: [text], finish: [finishReason], usage: counts };
    }
    let pieces = 0;
    let finish = "";
    let usage: number[] | undefined;
    // Without `onError` it writes errors to the console.
    for await (const part of streamText({ ...call, onError: () => {} }).fullStream) {
      if (part.type === "error") throw part.error;
      if (part.type === "text-delta") {
        text += part.text;
        if (++pieces === wish.leaveAfter) leaving.abort();
      }
      if (part.type !== "finish") continue;
      finish = part.finishReason;
      const { inputTokens, outputTokens } = part.totalUsage;
      if (inputTokens !== undefined) usage = [inputTokens, outputTokens ?? 0];
    }
    return { texts: [text], finish: [finish], usage };
  } catch (error) {
    return { texts: [text], error: shown(error) };
  }
}

function contentOf({ content }: Wish): string | { type: "text"; text: string }[] {
  return typeof content === "string" ? content : (content as Extract<Part, { text: string }>[])
    .map(({ text }) => ({ type: "text" as const, text }));
}

function shown(error: unknown): Shown {
  if (!APICallError.isInstance(error)) return error as Error;
  const { message, statusCode } = error;
  const data = error.data as { error?: { code?: string; param?: string } } | undefined;
  return { message, status: statusCode, code: data?.error?.code, param: data?.error?.param };
}

/** It lists no models, has one prompt in a call, and loads images itself. */
function can({ kind, prompts, content }: Wish): boolean {
  const image = Array.isArray(content) && content.some(({ type }) => type === "image_url");
  return kind !== "models" && kind !== "model" && prompts === undefined && !image;
}

testEqual("ai-sdk", ask, { can });
