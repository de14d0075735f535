import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import OpenAI from "openai";
import { Sim } from "../../src/sim/sim.ts";
import { idle } from "../support/idle.ts";
import { backendsYaml, RouterProcess } from "../support/router.ts";
import { keptConnectionsGone } from "../support/connections_to.ts";
import { until } from "../support/until.ts";

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

async function withRouter(
  test: (client: OpenAI, router: RouterProcess, sim: Sim) => Promise<void>,
): Promise<void> {
  await using sim = Sim.start({ models: ["Qwen3-32B"], timeToFirstTokenMs: 5 });
  await using other = Sim.start({ models: ["9g_8b_thinking"] });
  await using router = await RouterProcess.start(backendsYaml([sim.url, other.url]));
  await test(clientOf(router.url), router, sim);
}

Deno.test("promise 48: npm openai gets through the router what it gets from the engine", () =>
  withRouter(async (client, _router, sim) => {
    for (const [name, ask] of Object.entries(SAME)) {
      assertEquals([name, settled(await ask(client))], [
        name,
        settled(await ask(clientOf(sim.url))),
      ]);
    }
  }));

Deno.test("promise 48: npm openai lists and finds models", () =>
  withRouter(async (client) => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assertEquals(ids, ["9g_8b_thinking", "Qwen3-32B"]);
    assertEquals((await client.models.retrieve("Qwen3-32B")).id, "Qwen3-32B");
    await assertRejects(() => client.models.retrieve("none"), OpenAI.NotFoundError);
  }));

Deno.test("promise 48: npm openai that aborts a stream frees the engine", () =>
  withRouter(async (client, _router, sim) => {
    for (const abort of ["break", "controller"] as const) {
      const stream = await client.chat.completions.create({
        model: "Qwen3-32B",
        messages: MESSAGES,
        stream: true,
        max_tokens: 10_000,
      });
      for await (const _ of stream) {
        if (abort === "break") break;
        stream.controller.abort();
      }
      await idle(sim);
      assertEquals(sim.calls.at(-1)!.ended, "client_left");
    }
  }));

Deno.test("promise 48: npm openai that gives up on an answer frees the engine", () =>
  withRouter(async (client, router, sim) => {
    sim.setFault("stall_before_head");
    await assertRejects(
      () =>
        client.chat.completions.create({ model: "Qwen3-32B", messages: MESSAGES }, {
          timeout: 100,
        }),
      OpenAI.APIConnectionTimeoutError,
    );
    await idle(sim);
    assertEquals(sim.calls.at(-1)!.ended, "client_left");
    await until(
      "the place is given back",
      async () => (await router.stats("a"))["in_flight"] === 0,
    );
  }));

Deno.test("promise 46: npm openai throws its right class, with our code, parameter and request id", () =>
  withRouter(async (client, router, sim) => {
    const wrong = { model: "Qwen3-32B", messages: MESSAGES };
    const table = [
      [{ ...wrong, temperature: 5 }, OpenAI.BadRequestError, "invalid_parameter", "temperature"],
      [{ ...wrong, model: "nobody" }, OpenAI.InternalServerError, "model_not_found", "model"],
    ] as const;
    for (const [body, errorClass, code, param] of table) {
      const error = await assertRejects(() => client.chat.completions.create(body), errorClass);
      assertInstanceOf(error, OpenAI.APIError);
      assertEquals([error.code, error.param], [code, param]);
      assertEquals(typeof error.requestID, "string");
      assert(error.message.length > 10 && !error.message.includes("no body"), error.message);
    }
    for (const fault of ["close", "refuse"] as const) {
      sim.setFault(fault);
      if (fault === "refuse") await keptConnectionsGone(router, sim.port);
      const error = await assertRejects(
        () => client.chat.completions.create(wrong),
        OpenAI.InternalServerError,
      );
      assertEquals([error.status, error.code], [
        502,
        fault === "close" ? "upstream_broken" : "upstream_connect",
      ]);
    }
    // The last backend of a model keeps its calls until checks fail, too.
    await router.logged((line) =>
      line.message === "backend is unhealthy" && String(line["cause"]).startsWith("/health")
    );
    const down = await assertRejects(
      () => client.chat.completions.create(wrong),
      OpenAI.InternalServerError,
    );
    assertEquals([down.status, down.code], [503, "no_healthy_backend"]);
    await assertRejects(
      () => client.files.create({ file: new File(["x"], "x.txt"), purpose: "batch" }),
      OpenAI.NotFoundError,
    );
  }));

Deno.test("promise 3: npm openai throws our message when a stream breaks", () =>
  withRouter(async (client, _router, sim) => {
    sim.setFault("die_mid_stream", { after: 2 });
    const seen: string[] = [];
    const error = await assertRejects(async () => {
      const stream = await client.chat.completions.create({
        model: "Qwen3-32B",
        messages: MESSAGES,
        stream: true,
      });
      for await (const chunk of stream) seen.push(chunk.choices[0]?.delta.content ?? "");
    }, OpenAI.APIError);
    assertEquals(error.code, "upstream_broken");
    assertStringIncludes(error.message, "backend a broke the connection");
    assertEquals(seen.length, 3, "the role and two tokens");
  }));

Deno.test("promise 47: npm openai asks again after 429 and after a failed backend, and not where that is pointless", () =>
  withRouter(async (_client, router, sim) => {
    const client = new OpenAI({ baseURL: `${router.url}/v1`, apiKey: "x", maxRetries: 1 });
    sim.setFault("error_429");
    const answer = client.chat.completions.create({ model: "Qwen3-32B", messages: MESSAGES });
    await until("the first try has failed", () => sim.calls.length > 0);
    sim.setFault("none");
    assertEquals((await answer).object, "chat.completion");
    assertEquals(sim.calls.length, 2);
    const calls = (): number =>
      router.log.filter(({ message }) => message.startsWith("call")).length;
    await until("both are logged", () => calls() === 2);
    await assertRejects(() =>
      client.chat.completions.create({ model: "nobody", messages: MESSAGES })
    );
    const last = await router.post("/chat/completions", { model: "x" }, { "x-request-id": "last" });
    await last.body?.cancel();
    await router.call("last");
    assertEquals(calls(), 4, "asked once");
  }));
