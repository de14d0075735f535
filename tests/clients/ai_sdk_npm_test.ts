import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, jsonSchema, streamText, tool } from "ai";
import { type Ask, clientOf, QUESTION, returns, type Shown, type Told, WEATHER } from "./client.ts";
import { OPENAI } from "./situations.ts";
import { testClient } from "./test_client.ts";

async function ask(
  asked: Ask,
  told: Told,
): Promise<void> {
  const { url, model, temperature, stream, tools, retries, timeoutMs } = asked;
  const provider = createOpenAICompatible({ name: "router", baseURL: `${url}/v1` });
  const leaving = new AbortController();
  const { description, parameters } = WEATHER;
  const call = {
    model: provider(model),
    prompt: QUESTION,
    temperature,
    abortSignal: leaving.signal,
    timeout: timeoutMs,
    ...(tools
      ? { tools: { weather: tool({ description, inputSchema: jsonSchema(parameters) }) } }
      : {}),
    ...(retries ? {} : { maxRetries: 0 }),
  };
  if (!stream) {
    const { text, toolCalls } = await generateText(call);
    if (text !== "") told.texts.push(text);
    for (const { toolName, input } of toolCalls) {
      told.toolCalls.push({ name: toolName, arguments: input });
    }
    return;
  }
  // Without `onError` it writes errors to the console.
  for await (const part of streamText({ ...call, onError: () => {} }).fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "tool-call") {
      told.toolCalls.push({ name: part.toolName, arguments: part.input });
    }
    if (part.type !== "text-delta") continue;
    told.texts.push(part.text);
    if (returns(asked, { texts: told.texts, leaving })) return;
  }
}

function shown(error: unknown): Shown {
  if (!APICallError.isInstance(error)) return error as Error;
  const { message, statusCode } = error;
  const data = error.data as { error?: { code?: string; param?: string } } | undefined;
  return { message, status: statusCode, code: data?.error?.code, param: data?.error?.param };
}

// Its loop can be left, but the library reads on: it is the signal that ends a call.
const situations = OPENAI.filter((situation) => situation.ask?.leave?.by !== "return");

testClient("ai-sdk", clientOf(ask, shown), situations);
