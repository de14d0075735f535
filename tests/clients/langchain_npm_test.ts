import type { AIMessageChunk } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { type Ask, clientOf, QUESTION, type Told, WEATHER } from "./client.ts";
import { OPENAI } from "./situations.ts";
import { testClient } from "./test_client.ts";

async function ask(
  { url, model, temperature, stream, tools, retries, leaveAfter }: Ask,
  told: Told,
): Promise<void> {
  const chat = new ChatOpenAI({
    model,
    temperature,
    apiKey: "not-needed",
    configuration: { baseURL: `${url}/v1` },
    ...(retries ? {} : { maxRetries: 0 }),
  });
  const bound = tools ? chat.bindTools([{ type: "function", function: WEATHER }]) : chat;
  if (!stream) return take(await bound.invoke(QUESTION) as AIMessageChunk, told);
  let whole: AIMessageChunk | undefined;
  for await (const chunk of await bound.stream(QUESTION)) {
    whole = whole?.concat(chunk) ?? chunk;
    if (chunk.text !== "") told.texts.push(chunk.text);
    if (told.texts.length === leaveAfter) return;
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
