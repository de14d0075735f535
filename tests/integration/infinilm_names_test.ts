import { assertEquals } from "@std/assert";
import { Sim } from "../../src/sim/sim.ts";
import { lastBody, startInfinilm } from "../support/infinilm.ts";
import { backendsYaml, chat, RouterProcess } from "../support/router.ts";
import { until } from "../support/until.ts";

const CHAT = "/v1/chat/completions";

async function enginesOf(router: RouterProcess): Promise<unknown[]> {
  const { services } = await (await router.fetch("/services")).json();
  return services.map(({ engine }: { engine: string }) => engine);
}

Deno.test("engine: auto finds out which is which, and /services says so", async () => {
  await using infinilm = startInfinilm();
  await using openai = Sim.start();
  await using told = startInfinilm();
  await using named = Sim.start({ models: ["o"] });
  const urls = [infinilm, openai, told, named].map(({ url }) => url);
  const config = backendsYaml(urls, ["", "", "models: [n]", "engine: infinilm"]);
  await using router = await RouterProcess.start(config);
  const known = ["infinilm", "openai", "infinilm", "infinilm"];
  await until("all are known", async () => String(await enginesOf(router)) === String(known), {
    seen: () => router.log,
  });
});

Deno.test("an InfiniLM that is called openai gets every call as it is", async () => {
  await using engine = startInfinilm();
  await using router = await RouterProcess.start(backendsYaml([engine.url], ["engine: openai"]));
  const body = JSON.stringify(
    chat("m", "hi", { max_tokens: 2, max_completion_tokens: 3, seed: 1 }),
  );
  const answer = await router.post(CHAT, body);
  assertEquals([answer.status, answer.headers.get("x-infinilm-ignored")], [200, null]);
  assertEquals((await answer.json()).usage.completion_tokens, 2);
  assertEquals(engine.calls[0]!.body, body);
});

/** Models that are served, `default_model`, and to which model, if to any, `default` leads. */
const DEFAULTS = [
  { models: ["m"], named: undefined, leads: "m" },
  { models: ["m", "n"], named: "n", leads: "n" },
  { models: ["m", "n"], named: undefined, leads: undefined },
  { models: ["m", "default"], named: "m", leads: "default" },
] as const;

for (const { models, named, leads } of DEFAULTS) {
  Deno.test(`model: default leads to ${leads} of ${models}, with default_model: ${named}`, async () => {
    const engines = models.map((model) => startInfinilm({ models: [model] }));
    await using stack = new AsyncDisposableStack();
    for (const engine of engines) stack.use(engine);
    const config = backendsYaml(engines.map(({ url }) => url)) +
      `requests: { default_model: ${named ?? null} }\n`;
    await using router = await RouterProcess.start(config);
    for (const stream of [false, true]) {
      const answer = await router.post(CHAT, chat("default", "hi", { max_tokens: 3, stream }));
      const text = await answer.text();
      if (leads === undefined) {
        assertEquals([answer.status, JSON.parse(text).code], [400, "model_required"]);
        continue;
      }
      assertEquals([answer.status, text.includes(`"model":"${leads}"`)], [200, true]);
      const [engine] = engines.filter(({ calls }) => calls.length > 0);
      assertEquals(lastBody(engine!)["model"], leads);
    }
  });
}
