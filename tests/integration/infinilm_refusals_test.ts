import { assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { startInfinilm } from "../support/infinilm.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";

async function withEngine(
  test: (router: RouterProcess, engine: Sim) => Promise<void>,
  { backend = "", config = "" } = {},
): Promise<void> {
  await using engine = startInfinilm();
  await using router = await RouterProcess.start(backendsYaml([engine.url], [backend]) + config);
  await test(router, engine);
}

/** What would end an engine, or keep it busy for ever, and the parameter that is at fault. */
const POISON: readonly (readonly [param: string, more: Record<string, unknown>])[] = [
  ["stop", { stop: 5 }],
  ["stop", { stop: 0 }],
  ["stop", { stop: true }],
  ["stop", { stop: [1] }],
  ["stop", { stop: ["a", null] }],
  ["stop", { stop: { a: 1 } }],
  ["sampling_params.stop", { sampling_params: { stop: 5 } }],
  ["sampling_params.stop", { stop: "a", sampling_params: { stop: ["a", 5] } }],
  ["max_tokens", { max_tokens: 0 }],
  ["max_tokens", { max_tokens: -0.5 }],
  ["max_tokens", { max_tokens: "0" }],
  ["max_tokens", { max_tokens: " -00 " }],
  ["max_tokens", { max_tokens: false }],
  ["sampling_params.max_tokens", { sampling_params: { max_tokens: 0 } }],
  ["max_completion_tokens", { max_completion_tokens: 0 }],
  ["max_completion_tokens", { max_tokens: 5, max_completion_tokens: "0" }],
];

/** Each way to ask for text; whether as a stream is a parameter, too. */
const ASKS: readonly (readonly [path: string, body: Record<string, unknown>])[] = [
  ["/v1/chat/completions", chat("m")],
  ["/v1/chat/completions", chat("m", "hi", { stream: true })],
  ["/v1/completions", { model: "m", prompt: "hi" }],
  ["/v1/completions", { model: "m", prompt: ["hi", "ho"] }],
  ["/v1/completions", { model: "m", prompt: ["hi", "ho"], stream: true }],
];

for (const validate of [true, false]) {
  Deno.test(`what would end an engine never gets there (validate: ${validate})`, () =>
    withEngine(async (router, engine) => {
      for (const [path, body] of ASKS) {
        for (const [param, more] of POISON) {
          const answer = await router.post(path, { ...body, ...more });
          const { code, param: told } = await answer.json();
          const what = JSON.stringify({ path, ...more });
          assertEquals([what, answer.status, code, told], [what, 400, "invalid_parameter", param]);
        }
      }
      const last = '{"model":"m","prompt":"hi","messages":[{}],"stop":"a","stop":5}';
      assertEquals((await (await router.post("/v1/chat/completions", last)).json()).param, "stop");
      assertEquals([engine.calls.length, (await router.stats("a"))["request_count"]], [0, 0]);
      const good = await router.post("/v1/completions", { model: "m", prompt: "hi", stop: ["x"] });
      assertEquals([good.status, (await good.json()).object], [200, "text_completion"]);
    }, { config: `requests: { validate: ${validate} }\n` }));
}

Deno.test("what is refused for one engine goes to another that can do it", async () => {
  await using infinilm = startInfinilm();
  await using other = Sim.start({ models: ["m"], timeToFirstTokenMs: 0, tokensPerSecond: 0 });
  await using router = await RouterProcess.start(backendsYaml([infinilm.url, other.url]));
  for (let i = 0; i < 4; i++) {
    const answer = await router.post("/v1/completions", { model: "m", prompt: "hi", n: 2 });
    assertEquals([answer.status, answer.headers.get("x-infinilm-service")], [200, "b"]);
    await answer.body?.cancel();
  }
  assertEquals(infinilm.calls.length, 0);
});

/** Bytes for a prompt that has more than eight for each of a hundred tokens. */
const LONG = "x".repeat(801);

/** What cannot fit into a hundred tokens. */
const TOO_LONG: readonly (readonly [
  param: string,
  path: string,
  body: Record<string, unknown>,
])[] = [
  ["messages", "/v1/chat/completions", chat("m", LONG)],
  ["messages", "/v1/chat/completions", chat("m", LONG, { stream: true })],
  ["messages", "/v1/chat/completions", chat("m", "山".repeat(267))],
  ["messages", "/v1/chat/completions", chat("m", "x".repeat(81), { max_tokens: 90 })],
  ["messages", "/v1/chat/completions", chat("m", "x".repeat(81), { max_completion_tokens: 90 })],
  ["max_tokens", "/v1/chat/completions", chat("m", "hi", { max_tokens: 100 })],
  ["prompt", "/v1/completions", { model: "m", prompt: LONG }],
  ["prompt", "/v1/completions", { model: "m", prompt: ["hi", LONG] }],
];

Deno.test("what cannot fit into max_context never gets to an engine", () =>
  withEngine(async (router, engine) => {
    for (const [param, path, body] of TOO_LONG) {
      const answer = await router.post(path, body);
      const { code, param: told } = await answer.json();
      const what = JSON.stringify(body).slice(0, 60);
      assertEquals([what, answer.status, code, told], [
        what,
        400,
        "context_length_exceeded",
        param,
      ]);
    }
    const long = engine.calls.filter(({ body }) => !body.includes('"hi"'));
    assertEquals(long, [], "a list's other prompts may have gone out");
    const fits = chat("m", "x".repeat(80), { max_tokens: 90 });
    assertEquals((await router.post("/v1/chat/completions", fits)).status, 200);
  }, { backend: "max_context: 100" }));

Deno.test("a static engine ends long answers by itself: only the prompt must fit there", () =>
  withEngine(async (router) => {
    const answer = await router.post("/v1/chat/completions", chat("m", "hi", { max_tokens: 200 }));
    assertEquals([answer.status, (await answer.json()).usage.completion_tokens], [200, 200]);
  }, { backend: "max_context: 100, cache_type: static" }));
