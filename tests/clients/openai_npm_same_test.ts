import { assertEquals, assertRejects } from "@std/assert";
import OpenAI from "openai";
import { withRouter } from "./with_router.ts";

type Message = OpenAI.Chat.ChatCompletionMessageParam;

const MESSAGES: Message[] = [{ role: "user", content: "Tell me a story" }];

function clientOf(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "not-needed", maxRetries: 0, timeout: 20_000 });
}

/** What must be the same with and without the router in between. */
const SAME: Readonly<Record<string, (client: OpenAI) => Promise<unknown>>> = {
  chat: (client) =>
    client.chat.completions.create({ model: "Qwen3-32B", messages: MESSAGES, max_tokens: 12 }),
  "a chat stream": (client) => collect(client, {}),
  "a chat stream with usage": (client) =>
    collect(client, { stream_options: { include_usage: true } }),
  "a chat with tools": (client) =>
    client.chat.completions.create({
      model: "Qwen3-32B",
      messages: MESSAGES,
      tools: [{
        type: "function",
        function: { name: "f", parameters: { type: "object", properties: {} } },
      }],
    }),
  completions: (client) =>
    client.completions.create({ model: "Qwen3-32B", prompt: "法国的首都是", max_tokens: 10 }),
  embeddings: (client) =>
    client.embeddings.create({ model: "Qwen3-32B", input: ["a", "b"], encoding_format: "float" }),
  responses: (client) => client.responses.create({ model: "Qwen3-32B", input: "hi" }),
};

async function collect(client: OpenAI, more: Record<string, unknown>): Promise<unknown[]> {
  const stream = await client.chat.completions.create({
    model: "Qwen3-32B",
    messages: MESSAGES,
    stream: true,
    max_tokens: 8,
    ...more,
  });
  const chunks: unknown[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** What every answer has anew. */
const FRESH = ["id", "created", "_request_id"];

function settled(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, field) => FRESH.includes(key) ? undefined : field));
}

Deno.test("promise 48: npm openai gets through the router what it gets from the engine", () =>
  withRouter(async ({ url }, sim) => {
    for (const [name, ask] of Object.entries(SAME)) {
      assertEquals([name, settled(await ask(clientOf(url)))], [
        name,
        settled(await ask(clientOf(sim.url))),
      ]);
    }
  }));

Deno.test("promise 48: npm openai lists and finds models", () =>
  withRouter(async ({ url }) => {
    const client = clientOf(url);
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assertEquals(ids, ["9g_8b_thinking", "Qwen3-32B"]);
    assertEquals((await client.models.retrieve("Qwen3-32B")).id, "Qwen3-32B");
    await assertRejects(() => client.models.retrieve("none"), OpenAI.NotFoundError);
  }));
