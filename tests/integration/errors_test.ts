import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { Sim } from "../../src/sim/sim.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

const MESSAGES = [{ role: "user", content: "hi" }];

/** A request and the error it must get: [what, path, body, status, code, param]. */
const REFUSED: readonly (readonly [string, unknown, number, string, string | null])[] = [
  ["/v1/chat/completions", "", 400, "invalid_json", null],
  ["/v1/chat/completions", "{", 400, "invalid_json", null],
  ["/v1/chat/completions", "[]", 400, "invalid_json", null],
  ["/v1/chat/completions", "null", 400, "invalid_json", null],
  ["/v1/chat/completions", '"x"', 400, "invalid_json", null],
  ["/v1/chat/completions", `\ufeff${JSON.stringify(chat("sim"))}`, 400, "invalid_json", null],
  ["/v1/chat/completions", "[".repeat(500_000), 400, "invalid_json", null],
  ["/v1/chat/completions", { messages: MESSAGES, model: 5 }, 400, "invalid_parameter", "model"],
  [
    "/v1/chat/completions",
    { messages: MESSAGES, model: "m".repeat(10_000) },
    400,
    "invalid_parameter",
    "model",
  ],
  ["/v1/chat/completions", { messages: MESSAGES }, 400, "model_required", "model"],
  [
    "/v1/chat/completions",
    '{"__proto__":{"model":"sim"},"messages":[{}]}',
    400,
    "model_required",
    "model",
  ],
  ["/v1/chat/completions", { model: "sim" }, 400, "invalid_parameter", "messages"],
  ["/v1/chat/completions", { model: "sim", messages: [] }, 400, "invalid_parameter", "messages"],
  ["/v1/chat/completions", { model: "sim", messages: "hi" }, 400, "invalid_parameter", "messages"],
  ["/v1/completions", { model: "sim" }, 400, "invalid_parameter", "prompt"],
  ["/v1/completions", { model: "sim", prompt: null }, 400, "invalid_parameter", "prompt"],
  ...([
    ["temperature", -0.1],
    ["temperature", 2.1],
    ["temperature", "1"],
    ["top_p", 1.1],
    ["top_k", 1.5],
    ["top_k", "5"],
    ["max_tokens", 0],
    ["max_tokens", -1],
    ["max_tokens", 1.5],
    ["max_tokens", "10"],
    ["repetition_penalty", 2.5],
    ["stream", "false"],
    ["stream", 1],
    ["chat_template_kwargs", []],
    ["chat_template_kwargs", 5],
    ["stop", 5],
    ["stop", true],
    ["stop", ["a", 5]],
    ["stop", {}],
  ] as const).map(([param, value]) =>
    [
      "/v1/chat/completions",
      chat("sim", "x", { [param]: value }),
      400,
      "invalid_parameter",
      param,
    ] as const
  ),
  ["/v1/completions", { model: "sim", prompt: "x", stop: 5 }, 400, "invalid_parameter", "stop"],
  [
    "/v1/chat/completions",
    chat("sim", "x", { sampling_params: { stop: [1] } }),
    400,
    "invalid_parameter",
    "sampling_params.stop",
  ],
  [
    "/v1/chat/completions",
    chat("sim", "x", { sampling_params: { max_tokens: 0 } }),
    400,
    "invalid_parameter",
    "sampling_params.max_tokens",
  ],
  ["/v1/nothing", {}, 404, "not_found", null],
  ["/models", {}, 405, "method_not_allowed", null],
  ["/v1/chat/completions", chat("nobody"), 503, "model_not_found", "model"],
];

async function withRouter(test: (router: RouterProcess, sim: Sim) => Promise<void>): Promise<void> {
  await using sim = Sim.start({ models: ["sim"], timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  await using other = Sim.start({ models: ["another"] });
  await using router = await RouterProcess.start(backendsYaml([sim.url, other.url]));
  await test(router, sim);
}

Deno.test("promises 39 and 46: a request that is wrong gets an error with its code, its parameter and its id, and no engine sees it", () =>
  withRouter(async (router, sim) => {
    for (const [path, body, status, code, param] of REFUSED) {
      const about = JSON.stringify([path, body]).slice(0, 120);
      const text = await router.post(path, body, { "x-request-id": "given-1" });
      const answer = await text.json();
      assertEquals([about, text.status, answer.code, answer.param], [about, status, code, param]);
      assertEquals(typeof answer.error, "string", "the spec's form");
      assertEquals(Object.keys(answer), ["error", "code", "type", "param", "request_id"]);
      assertEquals([answer.request_id, text.headers.get("x-request-id")], ["given-1", "given-1"]);
      assertEquals(text.headers.get("content-type"), "application/json");
      assertEquals(text.headers.get("x-should-retry"), "false");

      const sdk = await (await router.post(path, body, { "x-stainless-lang": "js" })).json();
      assertEquals(Object.keys(sdk), ["error"]);
      assertEquals(sdk.error, { message: answer.error, type: answer.type, param, code });
    }
    assertEquals(sim.calls, []);
  }));

Deno.test("parameters at their bounds, null and unknown ones pass", () =>
  withRouter(async (router) => {
    const good: Record<string, unknown>[] = [
      { temperature: 0, top_p: 0, repetition_penalty: 0, top_k: -1, max_tokens: 1 },
      { temperature: 2, top_p: 1, repetition_penalty: 2, top_k: 0, stop: [] },
      {
        temperature: null,
        top_p: null,
        top_k: null,
        max_tokens: null,
        stream: null,
        stop: null,
        chat_template_kwargs: null,
      },
      {
        stop: "x",
        chat_template_kwargs: { a: 1 },
        unknown: { deep: [1, 2] },
        sampling_params: { stop: "y" },
      },
      { stop: ["a", "b"], sampling_params: 5, stream: false },
    ];
    for (const more of good) {
      const answer = await router.post("/v1/chat/completions", chat("sim", "x", more));
      assertEquals([JSON.stringify(more), answer.status], [JSON.stringify(more), 200]);
      await answer.body?.cancel();
    }
  }));

Deno.test("requests.validate: false lets everything that has a model pass", async () => {
  await using sim = Sim.start();
  await using router = await RouterProcess.start(
    `${backendsYaml([sim.url])}requests: { validate: false }\n`,
  );
  const answer = await router.post("/v1/chat/completions", chat("sim", "x", { temperature: 5 }));
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("errors.format fixes the form of errors for everybody", async () => {
  await using sim = Sim.start();
  for (const format of ["text", "openai"]) {
    await using router = await RouterProcess.start(
      `${backendsYaml([sim.url])}errors: { format: ${format} }\n`,
    );
    for (const headers of [{}, { "x-stainless-lang": "python" }]) {
      const { error } =
        await (await router.post("/v1/chat/completions", "{", headers as Record<string, string>))
          .json();
      assertEquals(typeof error, format === "text" ? "string" : "object");
    }
  }
});

Deno.test("every answer carries a request id and says who served it; an insane id is replaced", () =>
  withRouter(async (router, sim) => {
    const own = await router.fetch("/health", { headers: { "x-request-id": "mine_1" } });
    assertEquals([own.headers.get("x-request-id"), own.headers.get("x-infinilm-service")], [
      "mine_1",
      "infinilm-router",
    ]);
    await own.body?.cancel();
    for (const id of ["a b", "x".repeat(129), "<script>", ""]) {
      const answer = await router.post("/v1/chat/completions", chat("sim"), { "x-request-id": id });
      assertMatch(answer.headers.get("x-request-id")!, /^[0-9a-f-]{36}$/);
      assertEquals(answer.headers.get("x-infinilm-service"), "a");
      assertEquals(sim.calls.at(-1)!.headers["x-request-id"], answer.headers.get("x-request-id"));
      await answer.body?.cancel();
    }
  }));

Deno.test("promise 39: random bytes as a body are answered with 400, and the router lives on", () =>
  withRouter(async (router, sim) => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const answer = await router.fetch("/v1/chat/completions", {
        method: "POST",
        body: new Uint8Array(bytes),
      });
      assertEquals(answer.status, 400);
      assert(typeof (await answer.json()).code === "string");
    });
    await fc.assert(property, { numRuns: 300, seed: 3 });
    assertEquals(sim.calls, []);
    assertEquals(router.log.filter((line) => line.message === "internal error"), []);
  }));
