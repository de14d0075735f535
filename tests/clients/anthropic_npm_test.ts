import Anthropic from "@anthropic-ai/sdk";
import { type Ask, clientOf, QUESTION, returns, type Shown, type Told, WEATHER } from "./client.ts";
import { ANTHROPIC } from "./situations.ts";
import { testClient } from "./test_client.ts";

async function ask(
  asked: Ask,
  told: Told,
): Promise<void> {
  const { url, model, stream, tools, retries, timeoutMs } = asked;
  const client = new Anthropic({
    baseURL: url,
    apiKey: "not-needed",
    timeout: timeoutMs,
    ...(retries ? {} : { maxRetries: 0 }),
  });
  const { name, description, parameters } = WEATHER;
  const body: Anthropic.MessageCreateParamsNonStreaming = {
    model,
    max_tokens: 50,
    messages: [{ role: "user", content: QUESTION }],
    ...(tools ? { tools: [{ name, description, input_schema: parameters }] } : {}),
  };
  if (!stream) return take(await client.messages.create(body), told);
  const events = client.messages.stream(body);
  const leaving = events.controller;
  for await (const event of events) {
    if (event.type !== "content_block_delta" || event.delta.type !== "text_delta") continue;
    told.texts.push(event.delta.text);
    if (returns(asked, { texts: told.texts, leaving })) return;
  }
  if (tools) take(await events.finalMessage(), told);
}

function take({ content }: Anthropic.Message, { texts, toolCalls }: Told): void {
  for (const block of content) {
    if (block.type === "text") texts.push(block.text);
    if (block.type === "tool_use") toolCalls.push({ name: block.name, arguments: block.input });
  }
}

/** The library has a field for the whole body; its message is the body, with the status before it. */
function shown(error: unknown): Shown {
  if (!(error instanceof Anthropic.APIError)) return error as Error;
  const body = error.error as { error?: { message?: string; code?: string } } | undefined;
  return { status: error.status, message: error.message, code: body?.error?.code };
}

testClient("npm anthropic", clientOf(ask, shown), ANTHROPIC);
