import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import OpenAI from "openai";
import { keptConnectionsGone } from "../support/connections_to.ts";
import { until } from "../support/until.ts";
import { type Ask, clientOf, QUESTION, returns, type Told, WEATHER } from "./client.ts";
import { OPENAI } from "./situations.ts";
import { testClient } from "./test_client.ts";
import { withRouter } from "./with_router.ts";

const MESSAGES = [{ role: "user" as const, content: QUESTION }];
const CHAT = { model: "Qwen3-32B", messages: MESSAGES };

function sdk(url: string, more: { maxRetries?: number; timeout?: number } = {}): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "not-needed", maxRetries: 0, ...more });
}

async function ask(
  asked: Ask,
  { texts, toolCalls }: Told,
): Promise<void> {
  const { url, model, temperature, stream, tools, retries, timeoutMs } = asked;
  const { chat } = sdk(url, { timeout: timeoutMs, ...(retries ? { maxRetries: undefined } : {}) });
  const body = {
    model,
    temperature,
    messages: MESSAGES,
    ...(tools ? { tools: [{ type: "function" as const, function: WEATHER }] } : {}),
  };
  if (!stream) {
    const { message } = (await chat.completions.create(body)).choices[0]!;
    if (message.content !== null) texts.push(message.content);
    for (const call of message.tool_calls ?? []) {
      if (call.type === "function") toolCalls.push(read(call.function));
    }
    return;
  }
  const call = { name: "", arguments: "" };
  const answer = await chat.completions.create({ ...body, stream: true });
  for await (const { choices } of answer) {
    const { content, tool_calls: [piece] = [] } = choices[0]!.delta;
    call.name += piece?.function?.name ?? "";
    call.arguments += piece?.function?.arguments ?? "";
    if (content) texts.push(content);
    if (returns(asked, { texts, leaving: answer.controller })) return;
  }
  if (call.name !== "") toolCalls.push(read(call));
}

function read(call: { name: string; arguments: string }): Told["toolCalls"][number] {
  return { name: call.name, arguments: JSON.parse(call.arguments) };
}

testClient("npm openai", clientOf(ask), OPENAI);

Deno.test("promise 46: npm openai throws its right class, with our code, parameter and request id", () =>
  withRouter(async (router, sim) => {
    const client = sdk(router.url);
    const table = [
      [{ ...CHAT, temperature: 5 }, OpenAI.BadRequestError, "invalid_parameter", "temperature"],
      [{ ...CHAT, model: "nobody" }, OpenAI.InternalServerError, "model_not_found", "model"],
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
        () => client.chat.completions.create(CHAT),
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
      () => client.chat.completions.create(CHAT),
      OpenAI.InternalServerError,
    );
    assertEquals([down.status, down.code], [503, "no_healthy_backend"]);
    await assertRejects(
      () => client.files.create({ file: new File(["x"], "x.txt"), purpose: "batch" }),
      OpenAI.NotFoundError,
    );
  }));

Deno.test("promise 47: npm openai asks again after 429 and after a failed backend, and not where that is pointless", () =>
  withRouter(async (router, sim) => {
    const client = sdk(router.url, { maxRetries: 1 });
    sim.setFault("error_429");
    const answer = client.chat.completions.create(CHAT);
    await until("the first try has failed", () => sim.calls.length > 0);
    sim.setFault("none");
    assertEquals((await answer).object, "chat.completion");
    assertEquals(sim.calls.length, 2);
    const calls = (): number =>
      router.log.filter(({ message }) => message.startsWith("call")).length;
    await until("both are logged", () => calls() === 2);
    await assertRejects(() => client.chat.completions.create({ ...CHAT, model: "nobody" }));
    const last = await router.post("/chat/completions", { model: "x" }, { "x-request-id": "last" });
    await last.body?.cancel();
    await router.call("last");
    assertEquals(calls(), 4, "asked once");
  }));
