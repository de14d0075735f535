import type { AIMessageChunk } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { type Ask, clientOf, QUESTION, returns, type Told, WEATHER } from "./client.ts";
import { OPENAI } from "./situations.ts";
import { testClient } from "./test_client.ts";

async function ask(
  asked: Ask,
  told: Told,
): Promise<void> {
  const { url, model, temperature, stream, tools, retries, timeoutMs } = asked;
  const chat = new ChatOpenAI({
    model,
    temperature,
    apiKey: "not-needed",
    timeout: timeoutMs,
    configuration: { baseURL: `${url}/v1` },
    ...(retries ? {} : { maxRetries: 0 }),
  });
  const bound = tools ? chat.bindTools([{ type: "function", function: WEATHER }]) : chat;
  if (!stream) return take(await bound.invoke(QUESTION) as AIMessageChunk, told);
  const leaving = new AbortController();
  let whole: AIMessageChunk | undefined;
  for await (const chunk of await bound.stream(QUESTION, { signal: leaving.signal })) {
    whole = whole?.concat(chunk) ?? chunk;
    if (chunk.text !== "") told.texts.push(chunk.text);
    if (returns(asked, { texts: told.texts, leaving })) return;
  }
  for (const { name, args } of whole?.tool_calls ?? []) {
    told.toolCalls.push({ name, arguments: args });
  }
}

function take({ text, tool_calls = [] }: AIMessageChunk, told: Told): void {
  if (text !== "") told.texts.push(text);
  for (const { name, args } of tool_calls) told.toolCalls.push({ name, arguments: args });
}

testClient("npm langchain", clientOf(ask), OPENAI);
